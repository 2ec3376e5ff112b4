// Deletes what has served its time, in pages.
import { v } from "convex/values";
import { internal } from "../_generated/api";
import { internalMutation } from "../_generated/server";
import { requestDeletion } from "../model/account_deletion.ts";
import { dropUploads } from "../model/attachments.ts";
import { KEEP_BASES_MS } from "../model/bases.ts";
import { dropCheckpoint, KEEP_CHECKPOINTS_MS, surplusOf } from "../model/checkpoints/keeping.ts";
import { isHeld } from "../model/checkpoints/kept.ts";
import { generationOf } from "../model/messages.ts";
import { NEVER_DUE } from "../model/outbox.ts";
import { end } from "../model/transfers.ts";

const PAGE = 500;
const KEEP_MS = 7 * 24 * 3_600_000;

/** Deltas of a message that is final; not those of a later retry. */
export const vacuumDeltas = internalMutation({
  args: { messageId: v.id("messages"), round: v.number() },
  returns: v.null(),
  handler: async (ctx, args): Promise<null> => {
    const generation = await generationOf(ctx, args.messageId);
    if (generation === null) return null; // the project is being purged
    if (generation.round !== args.round || generation.status === "processing") return null;
    const page = await ctx.db
      .query("deltas")
      .withIndex("by_message", (q) => q.eq("messageId", args.messageId))
      .take(PAGE);
    for (const delta of page) await ctx.db.delete(delta._id);
    if (page.length === PAGE) {
      await ctx.scheduler.runAfter(0, internal.system.sweep.vacuumDeltas, args);
    }
    return null;
  },
});

/** Tombstones older than a week: a workspace that is further behind starts anew. */
export const tombstones = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const page = await ctx.db
      .query("fileTombstones")
      .withIndex("by_creation_time", (q) => q.lt("_creationTime", Date.now() - KEEP_MS))
      .take(PAGE);
    for (const row of page) {
      const project = await ctx.db.get(row.projectId);
      if (project !== null && project.tombstoneFloor < row.version) {
        await ctx.db.patch(row.projectId, { tombstoneFloor: row.version });
      }
      await ctx.db.delete(row._id);
    }
    if (page.length === PAGE) await ctx.scheduler.runAfter(0, internal.system.sweep.tombstones, {});
    return null;
  },
});

/** Texts that no editor can show any more. */
export const editorBases = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const page = await ctx.db
      .query("editorBases")
      .withIndex("by_age", (q) => q.lt("keptAt", Date.now() - KEEP_BASES_MS))
      .take(10); // up to 800 kB each
    for (const row of page) await ctx.db.delete(row._id);
    if (page.length === 10) await ctx.scheduler.runAfter(0, internal.system.sweep.editorBases, {});
    return null;
  },
});

/** Log lines of generations older than a week. */
export const generationEvents = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const page = await ctx.db
      .query("generationEvents")
      .withIndex("by_creation_time", (q) => q.lt("_creationTime", Date.now() - KEEP_MS))
      .take(PAGE);
    for (const row of page) await ctx.db.delete(row._id);
    if (page.length === PAGE) {
      await ctx.scheduler.runAfter(0, internal.system.sweep.generationEvents, {});
    }
    return null;
  },
});

/** Transfers that nothing was heard of for a day: the longest wait of a job is an hour. */
export const lostTransfers = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const lost = await ctx.db
      .query("transfers")
      .withIndex("by_status", (q) => q.eq("status", "running").lt("heartbeatAt", Date.now() - 24 * 3_600_000))
      .take(PAGE);
    for (const row of lost) await end(ctx, row, "failed", { error: "It was lost on our side. Begin again.", errorCode: "run_lost" });
    if (lost.length === PAGE) await ctx.scheduler.runAfter(0, internal.system.sweep.lostTransfers, {});
    return null;
  },
});

/** Deletions of accounts that are not done after an hour: their run may have failed for good, and nobody is there to ask again. */
export const lostDeletions = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const rows = await ctx.db
      .query("accountDeletions")
      .withIndex("by_age", (q) => q.lt("requestedAt", Date.now() - 3_600_000))
      .take(PAGE);
    for (const { ownerId } of rows) await requestDeletion(ctx, ownerId);
    return null;
  },
});

/** Events that the engine refused for good, older than a week. */
export const refusedEvents = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const page = await ctx.db
      .query("outbox")
      .withIndex("by_due", (q) => q.eq("dueAt", NEVER_DUE).lt("_creationTime", Date.now() - KEEP_MS))
      .take(PAGE);
    for (const row of page) await ctx.db.delete(row._id);
    if (page.length === PAGE) await ctx.scheduler.runAfter(0, internal.system.sweep.refusedEvents, {});
    return null;
  },
});

/** Uploads older than a day: the messages that name them have what they need. */
export const uploads = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const page = await ctx.db
      .query("uploads")
      .withIndex("by_creation_time", (q) => q.lt("_creationTime", Date.now() - 24 * 3_600_000))
      .take(PAGE);
    await dropUploads(ctx, page);
    if (page.length === PAGE) await ctx.scheduler.runAfter(0, internal.system.sweep.uploads, {});
    return null;
  },
});

/** Checkpoints that are older than they are kept. */
export const checkpoints = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx): Promise<null> => {
    const oldest = await ctx.db
      .query("checkpoints")
      .withIndex("by_creation_time", (q) => q.lt("_creationTime", Date.now() - KEEP_CHECKPOINTS_MS))
      .first();
    if (oldest === null) return null;
    await dropCheckpoint(ctx, oldest);
    await ctx.scheduler.runAfter(0, internal.system.sweep.checkpoints, {});
    return null;
  },
});

/** The oldest checkpoints of a project that has more of them, or of what they hold, than is kept. */
export const checkpointsOf = internalMutation({
  args: { projectId: v.id("projects") },
  returns: v.null(),
  handler: async (ctx, args): Promise<null> => {
    const surplus = await surplusOf(ctx, args.projectId);
    if (surplus === null) return null;
    await dropCheckpoint(ctx, surplus);
    await ctx.scheduler.runAfter(0, internal.system.sweep.checkpointsOf, args);
    return null;
  },
});

/**
 * Blobs that were uploaded a day ago and that no file, no checkpoint and no result names: a write that never came. A table that
 * comes to hold blobs for good has to be asked in `isHeld`; a transfer holds its archive until it ends, within a day.
 */
export const orphanBlobs = internalMutation({
  args: { after: v.optional(v.number()) },
  returns: v.null(),
  handler: async (ctx, { after }): Promise<null> => {
    const before = Date.now() - 24 * 3_600_000;
    const page = await ctx.db.system
      .query("_storage")
      .withIndex("by_creation_time", (q) => q.gt("_creationTime", after ?? 0).lt("_creationTime", before))
      .take(PAGE);
    for (const blob of page) {
      if (!(await isHeld(ctx, blob._id))) await ctx.storage.delete(blob._id);
    }
    const last = page.at(-1);
    if (last !== undefined && page.length === PAGE) {
      await ctx.scheduler.runAfter(0, internal.system.sweep.orphanBlobs, {
        after: last._creationTime,
      });
    }
    return null;
  },
});
