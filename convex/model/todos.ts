// The model's plan: the list that its last call of `todo` has written.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import schema from "../schema.ts";
import { refused } from "./errors.ts";
import { only } from "./rows.ts";
import { toolCallRow } from "./transcript.ts";
import type { todoItem } from "./validators.ts";

const MAX_ITEMS = 50;
const MAX_ITEM_CHARS = 400; // 200 as the tool counts them: one may be two here

/** A plan as people see it, and as our processes get it. */
export const todosDoc = schema.doc("todos").pick("messageId", "items", "updatedAt");

/** The newest plan of a conversation; null: none was made. */
export async function todosOf(ctx: QueryCtx, conversationId: Id<"conversations">): Promise<Infer<typeof todosDoc> | null> {
  const newest = await ctx.db
    .query("todos")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversationId))
    .order("desc")
    .first();
  return newest && only(todosDoc, newest);
}

/** Replaces the plan of an answer, unless a later call of the answer has. */
export async function keepTodos(
  ctx: MutationCtx,
  { messageId, conversationId }: Doc<"generations">,
  call: { turn: number; toolCallId: string },
  items: Infer<typeof todoItem>[],
): Promise<void> {
  if (items.length > MAX_ITEMS || items.some((item) => item.text.length > MAX_ITEM_CHARS)) {
    throw refused("plan_too_long", `A plan has at most ${MAX_ITEMS} items of ${MAX_ITEM_CHARS} characters`);
  }
  const { turn, index } = await toolCallRow(ctx, messageId, call);
  const plan = { turn, index, items, updatedAt: Date.now() };
  const known = await planOf(ctx, messageId);
  if (known === null) await ctx.db.insert("todos", { conversationId, messageId, ...plan });
  else if (known.turn < turn || (known.turn === turn && known.index < index)) await ctx.db.patch(known._id, plan);
}

/** Forgets the plan of an answer that is to be written anew: that of the answer before counts. */
export async function dropTodos(ctx: MutationCtx, messageId: Id<"messages">): Promise<void> {
  const known = await planOf(ctx, messageId);
  if (known !== null) await ctx.db.delete(known._id);
}

async function planOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"todos"> | null> {
  return await ctx.db
    .query("todos")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .unique();
}
