// Which answers of a conversation are being written.
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";

/** Their generations, in the order in which they were asked for. */
export async function runningIn(ctx: QueryCtx, conversationId: Id<"conversations">): Promise<Doc<"generations">[]> {
  return await ctx.db
    .query("generations")
    .withIndex("by_conversation_status", (q) => q.eq("conversationId", conversationId).eq("status", "processing"))
    .take(100);
}
