// Checkpoints: what turns changed, how it is undone, and how people judge it.
import { v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { find, ownedProject } from "../model/access.ts";
import { changedFile, review as judge, reviewedFile, toChangedFile, toReviewedFile } from "../model/checkpoints/hunks.ts";
import { Budget } from "../model/checkpoints/planning.ts";
import { checkpointOf, restore as goOn } from "../model/checkpoints/restoring.ts";
import { undoable as planOf, undoPlan } from "../model/checkpoints/undoing.ts";
import { notFound, refused } from "../model/errors.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { only } from "../model/rows.ts";
import { pageOf, restoreOutcome } from "../model/validators.ts";
import schema from "../schema.ts";

const MOST_FILES = 100; // of a checkpoint in a list
const MOST_HUNKS = 1_000; // judged at once
const TEXT_BYTES = 6_000_000; // whose lines are shown in one answer
const MOST_PATHS = 100;

const owned = { ownerId: v.string(), projectId: v.string() };
const one = { ...owned, checkpointId: v.string() };

const kept = schema
  .doc("checkpoints")
  .pick("projectId", "kind", "messageId", "conversationId", "turn", "updatedAt", "added", "removed", "outcome");
const checkpointRecord = kept.extend({
  checkpointId: schema.id("checkpoints"),
  createdAt: v.number(),
  fileCount: v.number(),
  files: v.array(changedFile), // the first of them
});

export const list = systemQuery({
  args: { ...owned, limit: v.number(), cursor: v.optional(v.string()) },
  returns: pageOf(checkpointRecord),
  handler: async (ctx, { ownerId, projectId, limit, cursor }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const page = await ctx.db
      .query("checkpoints")
      .withIndex("by_project", (q) => q.eq("projectId", project._id))
      .order("desc")
      .paginate({ numItems: Math.max(1, Math.min(limit, 50)), cursor: cursor ?? null });
    const items = await Promise.all(page.page.map((row) => toCheckpoint(ctx, row)));
    return { items, nextCursor: page.isDone ? null : page.continueCursor };
  },
});

/** One checkpoint, and its files by path, in pages, with their hunks. */
export const get = systemQuery({
  args: { ...one, limit: v.number(), cursor: v.optional(v.string()) },
  returns: v.object({ checkpoint: checkpointRecord, files: pageOf(reviewedFile) }),
  handler: async (ctx, { ownerId, projectId, checkpointId, limit, cursor }) => {
    const row = await checkpointOf(ctx, await ownedProject(ctx, ownerId, projectId), checkpointId);
    const page = await ctx.db
      .query("checkpointFiles")
      .withIndex("by_checkpoint", (q) => q.eq("checkpointId", row._id))
      .paginate({ numItems: Math.max(1, Math.min(limit, 100)), cursor: cursor ?? null });
    const budget = new Budget(TEXT_BYTES);
    const items = [];
    for (const link of page.page) items.push(await toReviewedFile(ctx, link, budget));
    return { checkpoint: await toCheckpoint(ctx, row), files: { items, nextCursor: page.isDone ? null : page.continueCursor } };
  },
});

/** Brings files back to what they were before the checkpoint; call again with the same key until it is done. */
export const restore = systemMutation({
  args: { ...one, externalId: v.string() },
  returns: v.object({ checkpointId: v.id("checkpoints"), isDone: v.boolean(), outcome: restoreOutcome }),
  handler: async (ctx, { ownerId, projectId, checkpointId, externalId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const { _id, restoring, outcome } = await goOn(ctx, project, checkpointId, externalId);
    if (outcome === undefined) throw new Error("a restore without an outcome");
    return { checkpointId: _id, isDone: restoring === undefined, outcome };
  },
});

/** Accepts and rejects hunks of a file; the file's changes as they are judged then. */
export const review = systemMutation({
  args: { ...one, path: v.string(), accept: v.array(v.string()), reject: v.array(v.string()) },
  returns: v.object({ undoneBy: v.optional(v.id("checkpoints")), files: v.array(reviewedFile) }),
  handler: async (ctx, { ownerId, projectId, checkpointId, path, accept, reject }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const row = await checkpointOf(ctx, project, checkpointId);
    if (accept.length + reject.length > MOST_HUNKS) throw refused("too_many", `At most ${MOST_HUNKS} hunks at once`);
    const undoneBy = await judge(ctx, project, row, { path, accept, reject });
    const links = await ctx.db
      .query("checkpointFiles")
      .withIndex("by_checkpoint", (q) => q.eq("checkpointId", row._id).eq("path", path))
      .take(MOST_FILES);
    const budget = new Budget(TEXT_BYTES);
    const files = [];
    for (const link of links) files.push(await toReviewedFile(ctx, link, budget));
    return { undoneBy, files };
  },
});

/** What the agent that writes this message would undo now. */
export const undoable = systemQuery({
  args: { messageId: v.string(), paths: v.optional(v.array(v.string())) },
  returns: undoPlan,
  handler: async (ctx, { messageId, paths }) => {
    const message = await find(ctx, "messages", messageId);
    if (message === null) throw notFound("Message not found");
    if (paths !== undefined && paths.length > MOST_PATHS) throw refused("too_many", `At most ${MOST_PATHS} paths`);
    return await planOf(ctx, message, paths);
  },
});

async function toCheckpoint(ctx: QueryCtx, row: Doc<"checkpoints">) {
  const links = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_checkpoint", (q) => q.eq("checkpointId", row._id))
    .take(MOST_FILES);
  const files = links.map(toChangedFile);
  return { ...only(kept, row), checkpointId: row._id, createdAt: row._creationTime, fileCount: row.files, files };
}
