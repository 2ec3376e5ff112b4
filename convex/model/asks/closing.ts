// The end of what an answer has asked, when the answer ends.
import type { Id } from "../../_generated/dataModel";
import type { MutationCtx } from "../../_generated/server";

const MOST_OPEN = 100; // a run asks as many things at once as it runs calls

/** Nobody waits for an answer to these any more. */
export async function closeAsks(ctx: MutationCtx, messageId: Id<"messages">, endedAt: number): Promise<void> {
  const open = await ctx.db
    .query("asks")
    .withIndex("by_status", (q) => q.eq("messageId", messageId).eq("status", "open"))
    .take(MOST_OPEN);
  for (const ask of open) await ctx.db.patch(ask._id, { status: "closed", endedAt });
}
