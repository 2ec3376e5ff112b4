// Which answers of a conversation are being written, and how many of a person at once.
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refused } from "./errors.ts";

const MOST_RUNS = 1_000; // that are looked at: a limit beyond holds as this one

/** Their generations, in the order in which they were asked for. */
export async function runningIn(ctx: QueryCtx, conversationId: Id<"conversations">): Promise<Doc<"generations">[]> {
  return await ctx.db
    .query("generations")
    .withIndex("by_conversation_status", (q) => q.eq("conversationId", conversationId).eq("status", "processing"))
    .take(100);
}

/**
 * Refuses one answer more than POLARIS_RUN_LIMIT says that a person may have at once; not set, any number. Those that
 * queue or wait for their person count; steps of a generation and sub-agents do not.
 */
export async function requireRun(ctx: MutationCtx, ownerId: string): Promise<void> {
  const limit = Math.min(Number.parseInt(process.env.POLARIS_RUN_LIMIT ?? "", 10), MOST_RUNS);
  if (!(limit >= 1)) return;
  const running = await ctx.db
    .query("generations")
    .withIndex("by_owner_status", (q) => q.eq("ownerId", ownerId).eq("status", "processing"))
    .take(limit);
  if (running.length < limit) return;
  const text = `You have ${limit} answers under way, and no more may run at once: wait until one ends, or cancel one`;
  throw refused("quota_exceeded", text, { quota: "runs", currentUsage: String(running.length), limit: String(limit) });
}
