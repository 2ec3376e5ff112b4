// Requests of the agent to the person: made by its run, once for each call, and ended by it when nobody answers.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { find } from "../access.ts";
import { beat } from "../deltas.ts";
import { notFound, refused } from "../errors.ts";
import type { newAsk } from "../records.ts";
import { threadOf } from "../tasks.ts";

const MAX_CHARS = 10_000; // of each text; the run cuts what is longer
const MAX_PARTS = 20; // choices, paths, patterns
const MOST = 500; // of one answer

/** Asks, unless this call has asked before; what is on record. */
export async function openAsk(ctx: MutationCtx, generation: Doc<"generations">, ask: Infer<typeof newAsk>): Promise<Doc<"asks">> {
  const { messageId, projectId } = generation;
  const { turn, toolCallId, kind } = ask;
  await beat(ctx, generation);
  const known = await ctx.db
    .query("asks")
    .withIndex("by_call", (q) => q.eq("messageId", messageId).eq("turn", turn).eq("toolCallId", toolCallId).eq("kind", kind))
    .unique();
  if (known !== null) return known;
  check(ask);
  const conversationId = await threadOf(ctx, generation.conversationId);
  return await reread(ctx, await ctx.db.insert("asks", { messageId, conversationId, projectId, ...ask, status: "open" }));
}

/** What became of a request for which its run waits no more: one that is still open has expired. */
export async function settleAsk(ctx: MutationCtx, generation: Doc<"generations">, askId: string): Promise<Doc<"asks">> {
  const ask = await find(ctx, "asks", askId);
  if (ask?.messageId !== generation.messageId) throw notFound("Ask not found");
  await beat(ctx, generation);
  if (ask.status !== "open") return ask;
  await ctx.db.patch(ask._id, { status: "expired", endedAt: Date.now() });
  return await reread(ctx, ask._id);
}

/** What an answer has asked, in order. */
export async function asksOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"asks">[]> {
  return await ctx.db
    .query("asks")
    .withIndex("by_call", (q) => q.eq("messageId", messageId))
    .take(MOST);
}

/** What was asked last in a conversation, newest first. */
export async function asksIn(ctx: QueryCtx, conversationId: Id<"conversations">, most: number): Promise<Doc<"asks">[]> {
  return await ctx.db
    .query("asks")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversationId))
    .order("desc")
    .take(most);
}

export async function reread(ctx: QueryCtx, id: Id<"asks">): Promise<Doc<"asks">> {
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

function check(ask: Infer<typeof newAsk>): void {
  const lists = [ask.choices ?? [], ask.paths ?? [], ask.patterns ?? []];
  const texts = [ask.question ?? "", ask.command ?? "", ask.preview ?? "", ...lists.flat()];
  if (lists.some((list) => list.length > MAX_PARTS) || texts.some((text) => text.length > MAX_CHARS)) {
    throw refused("bad_ask", `A request holds lists of at most ${MAX_PARTS} and texts of at most ${MAX_CHARS} characters`);
  }
}
