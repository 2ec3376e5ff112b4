// What the person says while an answer is being written, for that answer: told to the model at its next turn.
//
// Such a message names its answer in `steers`, and in `toldIn` the turn before which the model was told, written in
// one mutation with that turn. One that was not told when the answer ends goes to the answer that waits behind it, or
// gets one of its own (model/sending.ts); where the answer was stopped or failed, it is a message like any other.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { attachedBytes, toAttachments } from "./attached.ts";
import { bytesOf } from "./rows.ts";
import { runningIn } from "./running.ts";
import { attachment } from "./validators.ts";

export const MAX_STEERS = 50; // that an answer takes; it may be passed as many by each one that waited before it
const MOST_READ = 500;

export const steerRecord = v.object({
  messageId: v.id("messages"),
  content: v.string(),
  attachments: v.optional(v.array(attachment)),
  toldIn: v.optional(v.number()),
});
type Steer = Infer<typeof steerRecord>;

/** All that was said for an answer, in the order in which it was said. */
export async function steersOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"messages">[]> {
  const rows = await ctx.db
    .query("messages")
    .withIndex("by_steers", (q) => q.eq("steers", messageId))
    .take(MOST_READ);
  return rows.sort((a, b) => a.order - b.order);
}

/** What of that the model has not been told. */
export async function untoldOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"messages">[]> {
  const rows = await ctx.db
    .query("messages")
    .withIndex("by_steers", (q) => q.eq("steers", messageId).eq("toldIn", undefined))
    .take(MOST_READ);
  return rows.sort((a, b) => a.order - b.order);
}

export function toSteer({ _id, content, attachments, toldIn }: Doc<"messages">): Steer {
  return { messageId: _id, content, attachments: toAttachments(attachments), toldIn };
}

/** Notes, with the turn, what the model was told before it. */
export async function noteTold(ctx: MutationCtx, generation: Doc<"generations">, turn: number, told: string[]): Promise<void> {
  for (const row of await untoldOf(ctx, generation.messageId)) {
    if (told.includes(row._id)) await ctx.db.patch(row._id, { toldIn: turn });
  }
}

/** The answer begins anew: all of it is to be told again. How many bytes that is. */
export async function tellAgain(ctx: MutationCtx, messageId: Id<"messages">): Promise<number> {
  let bytes = 0;
  for (const row of await steersOf(ctx, messageId)) {
    await ctx.db.patch(row._id, { toldIn: undefined });
    bytes += bytesOf(row.content) + attachedBytes(row.attachments);
  }
  return bytes;
}

/** The answer has ended: what was not told is for the one that waits behind it, if there is one. */
export async function passOn(ctx: MutationCtx, ended: Doc<"messages">): Promise<void> {
  const untold = await untoldOf(ctx, ended._id);
  if (untold.length === 0) return;
  const next = (await runningIn(ctx, ended.conversationId)).find((generation) => generation.messageId !== ended._id);
  if (next === undefined) return;
  for (const row of untold) await ctx.db.patch(row._id, { steers: next.messageId });
}
