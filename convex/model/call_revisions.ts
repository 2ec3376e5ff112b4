// Which calls of an answer have changed since a viewer looked.
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";

export const MAX_CALLS = 2_000; // of an answer

/** The calls that changed after a revision, as they are now; all where none is given. */
export async function changedCallsOf(ctx: QueryCtx, messageId: Id<"messages">, after?: number): Promise<Doc<"toolCalls">[]> {
  return await ctx.db
    .query("toolCalls")
    .withIndex("by_revision", (q) =>
      after === undefined ? q.eq("messageId", messageId) : q.eq("messageId", messageId).gt("revision", after),
    )
    .take(MAX_CALLS);
}

/** The number of the change that is being made: all that one mutation changes has the same. */
export async function nextRevision(ctx: QueryCtx, messageId: Id<"messages">): Promise<number> {
  const last = await ctx.db
    .query("toolCalls")
    .withIndex("by_revision", (q) => q.eq("messageId", messageId))
    .order("desc")
    .first();
  return (last?.revision ?? 0) + 1;
}
