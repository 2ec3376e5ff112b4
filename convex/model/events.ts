// The log of a project's generation.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import type { eventLine } from "./records.ts";

const MAX_CHARS = 10_000;

/** Adds a line, once for each `externalId` of the project. */
export async function appendEvent(ctx: MutationCtx, externalId: string, line: Infer<typeof eventLine>): Promise<void> {
  const { projectId, type, message, filePath, preview } = line;
  const known = await ctx.db
    .query("generationEvents")
    .withIndex("by_external", (q) => q.eq("projectId", projectId).eq("externalId", externalId))
    .first();
  if (known !== null) return;
  const texts = { message: message.slice(0, MAX_CHARS), preview: preview?.slice(0, MAX_CHARS) };
  await ctx.db.insert("generationEvents", { projectId, externalId, type, filePath, ...texts });
}

/** The last lines, at most 1,000, oldest first. */
export async function latestEvents(ctx: QueryCtx, projectId: Id<"projects">, limit: number): Promise<Doc<"generationEvents">[]> {
  const rows = await ctx.db
    .query("generationEvents")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc")
    .take(Math.max(1, Math.min(limit, 1_000)));
  return rows.reverse();
}
