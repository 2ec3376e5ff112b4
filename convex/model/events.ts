// The log of a project's generation.
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";

/** The last lines, at most 1,000, oldest first. */
export async function latestEvents(ctx: QueryCtx, projectId: Id<"projects">, limit: number): Promise<Doc<"generationEvents">[]> {
  const rows = await ctx.db
    .query("generationEvents")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc")
    .take(Math.max(1, Math.min(limit, 1_000)));
  return rows.reverse();
}
