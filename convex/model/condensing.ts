// Summaries that stand for the beginning of a conversation: the newest counts.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { beat } from "./deltas.ts";
import { addUsage } from "./transcript.ts";
import { usage } from "./validators.ts";

const MAX_TEXT_CHARS = 50_000;
const MAX_A_MESSAGE = 500; // one a turn

/** What a summary stands for: messages before an order, and turns that followed the question of that order. */
export const condensedRecord = v.object({
  turn: v.number(), // before which it was made
  beforeOrder: v.number(),
  turns: v.number(),
  text: v.string(),
  model: v.string(),
  usage,
});

/** A summary as people see it. */
export const condensedDoc = v.object({ turn: v.number(), text: v.string(), model: v.string() });

export const contextCondensed = v.object({ ...condensedRecord.fields, messageId: v.string() });

/** The newest summary that can stand before the answer. */
export async function newestFor(ctx: QueryCtx, message: Doc<"messages">): Promise<Infer<typeof contextCondensed> | undefined> {
  const newest = ctx.db
    .query("condensations")
    .withIndex("by_conversation", (q) => q.eq("conversationId", message.conversationId))
    .order("desc");
  for await (const row of newest) {
    if (row.beforeOrder >= message.order) continue; // of answers after this one, which is written anew
    const { messageId, turn, beforeOrder, turns, text, model } = row;
    return { messageId, turn, beforeOrder, turns, text, model, usage: row.usage };
  }
  return undefined;
}

/** Keeps a summary; the first one of a turn stays. */
export async function keepCondensed(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  condensed: Infer<typeof condensedRecord>,
): Promise<void> {
  const { messageId, conversationId } = generation;
  const known = await ctx.db
    .query("condensations")
    .withIndex("by_message", (q) => q.eq("messageId", messageId).eq("turn", condensed.turn))
    .unique();
  if (known !== null) return;
  const text = condensed.text.slice(0, MAX_TEXT_CHARS);
  await ctx.db.insert("condensations", { conversationId, messageId, ...condensed, text });
  await ctx.db.patch(generation._id, { usage: addUsage(generation.usage, condensed.usage) });
  await beat(ctx, generation);
}

export async function condensationsOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"condensations">[]> {
  return await ctx.db
    .query("condensations")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .take(MAX_A_MESSAGE);
}

export function toCondensedDoc({ turn, text, model }: Doc<"condensations">): Infer<typeof condensedDoc> {
  return { turn, text, model };
}
