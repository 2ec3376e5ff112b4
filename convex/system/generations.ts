// The runs behind answers, for the API and the reaper.
import { v } from "convex/values";
import { find } from "../model/access.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { generationOf } from "../model/messages.ts";
import { generationRecord, toGeneration } from "../model/records.ts";

export const get = systemQuery({
  args: { messageId: v.string() },
  returns: v.union(generationRecord, v.null()),
  handler: async (ctx, { messageId }) => {
    const message = await find(ctx, "messages", messageId);
    const generation = message && (await generationOf(ctx, message._id));
    const project = generation && (await ctx.db.get(generation.projectId));
    return generation && project ? toGeneration(generation, project.ownerId) : null;
  },
});

/** Running generations, the longest silent first; with `before` those silent since then. */
export const stale = systemQuery({
  args: { before: v.optional(v.number()), limit: v.number() },
  returns: v.array(generationRecord),
  handler: async (ctx, { before, limit }) => {
    const rows = await ctx.db
      .query("generations")
      .withIndex("by_status", (q) => {
        const processing = q.eq("status", "processing");
        return before === undefined ? processing : processing.lt("heartbeatAt", before);
      })
      .take(Math.max(1, Math.min(limit, 1_000)));
    const records = [];
    for (const row of rows) {
      const project = await ctx.db.get(row.projectId);
      if (project !== null) records.push(toGeneration(row, project.ownerId));
    }
    return records;
  },
});

/** Somebody has seen that this run is alive: it is noted, and left alone for a while. */
export const confirm = systemMutation({
  args: { messageId: v.string(), runId: v.string() },
  returns: v.null(),
  handler: async (ctx, { messageId, runId }) => {
    const message = await find(ctx, "messages", messageId);
    const generation = message && (await generationOf(ctx, message._id));
    if (generation?.status === "processing" && (generation.runId ?? runId) === runId) {
      await ctx.db.patch(generation._id, { runId, heartbeatAt: Date.now() });
    }
    return null;
  },
});

/** It could not be looked at: it goes behind the others, which wait for their turn too. */
export const setAside = systemMutation({
  args: { messageId: v.string() },
  returns: v.null(),
  handler: async (ctx, { messageId }) => {
    const message = await find(ctx, "messages", messageId);
    const generation = message && (await generationOf(ctx, message._id));
    if (generation?.status === "processing") {
      await ctx.db.patch(generation._id, { heartbeatAt: Date.now() });
    }
    return null;
  },
});
