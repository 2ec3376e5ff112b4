// Sub-agents: each answers in a conversation of its own, which belongs to the call that has asked for it.
import { type Infer, v } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import schema from "../schema.ts";
import { conflict } from "./errors.ts";
import { only } from "./rows.ts";
import { runningIn } from "./running.ts";

const MAX_TASKS = 200; // of one answer; its run gives it fewer

const shownAnswer = schema.doc("messages").pick("conversationId", "status", "model", "usage", "startedAt", "endedAt");

/** A sub-agent as people see it: whose call it works for, and the answer that it writes. */
export const taskDoc = shownAnswer.extend({
  messageId: v.id("messages"), // of the answer: what there is to see of it is asked for by this
  turn: v.number(),
  toolCallId: v.string(),
  title: v.string(),
});

/** The sub-agents of an answer, in the order in which they were asked. */
export async function tasksOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Infer<typeof taskDoc>[]> {
  const found: Infer<typeof taskDoc>[] = [];
  for (const conversation of await conversationsOf(ctx, messageId)) {
    if (conversation.parentCall === undefined) continue;
    const { turn, toolCallId } = conversation.parentCall;
    const answer = await answerIn(ctx, conversation);
    found.push({ ...only(shownAnswer, answer), messageId: answer._id, turn, toolCallId, title: conversation.title });
  }
  return found.sort((one, other) => one.turn - other.turn);
}

/** Those that have not ended. */
export async function runningTasks(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"generations">[]> {
  const found = await conversationsOf(ctx, messageId);
  return (await Promise.all(found.map(({ _id }) => runningIn(ctx, _id)))).flat();
}

/** Hides the sub-agents of an answer and has what they wrote deleted. */
export async function dropTasks(ctx: MutationCtx, messageId: Id<"messages">): Promise<void> {
  for (const { _id } of await conversationsOf(ctx, messageId)) {
    await ctx.db.patch(_id, { deletedAt: Date.now() });
    await ctx.scheduler.runAfter(0, internal.system.purge.conversation, { conversationId: _id });
  }
}

/** The conversation in which people see what is done in this one: that of the call, where a sub-agent works in it. */
export async function threadOf(ctx: QueryCtx, conversationId: Id<"conversations">): Promise<Id<"conversations">> {
  return (await ctx.db.get(conversationId))?.parentCall?.conversationId ?? conversationId;
}

/** Only the agent whose call it is says something to a sub-agent. */
export function refuseTask({ parentCall }: Doc<"conversations">): void {
  if (parentCall === undefined) return;
  const text = "A sub-agent works here and takes no messages; write in the conversation that it belongs to";
  throw conflict("task_conversation", text, { conversationId: parentCall.conversationId });
}

async function conversationsOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"conversations">[]> {
  return await ctx.db
    .query("conversations")
    .withIndex("by_parent", (q) => q.eq("parentCall.messageId", messageId).eq("deletedAt", undefined))
    .take(MAX_TASKS);
}

/** What the sub-agent of this conversation answers. */
export async function answerIn(ctx: QueryCtx, { _id }: Doc<"conversations">): Promise<Doc<"messages">> {
  const answer = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", _id).eq("order", 1))
    .unique();
  if (answer === null) throw new Error("a task without its answer");
  return answer;
}
