// How long checkpoints are kept: 30 days, the last 200 of a project, and 500 MB of what its changes replaced.
import type { Doc, Id } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { release } from "./kept.ts";

export const KEEP_CHECKPOINTS_MS = 30 * 24 * 3_600_000;
const MOST_CHECKPOINTS = 200;
const MOST_BYTES = 500_000_000;
const BATCH = 200; // changes deleted in a mutation: a dozen queries each

/** A checkpoint of the project that is too many; null: none is. */
export async function surplusOf(ctx: QueryCtx, projectId: Id<"projects">): Promise<Doc<"checkpoints"> | null> {
  let [count, bytes] = [0, 0];
  let surplus: Doc<"checkpoints"> | null = null;
  const newestFirst = ctx.db
    .query("checkpoints")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc");
  for (const row of await newestFirst.take(MOST_CHECKPOINTS * 2)) {
    count += 1;
    bytes += row.bytes;
    if (count > 1 && (count > MOST_CHECKPOINTS || bytes > MOST_BYTES)) surplus = row;
  }
  return surplus;
}

/** Deletes up to a batch of its changes with the contents that no other names; the row with the last of them. */
export async function dropCheckpoint(ctx: MutationCtx, row: Doc<"checkpoints">): Promise<void> {
  const links = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_checkpoint", (q) => q.eq("checkpointId", row._id))
    .take(BATCH);
  const contents = new Set<string>();
  for (const link of links) {
    await ctx.db.delete(link._id);
    for (const side of [link.before, link.after]) if (side?.sha256 !== undefined) contents.add(side.sha256);
  }
  await release(ctx, row.projectId, contents);
  if (links.length < BATCH) await ctx.db.delete(row._id);
}
