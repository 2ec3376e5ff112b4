// The log of a project's generation.
import { v } from "convex/values";
import { ownedProject } from "../model/access.ts";
import { latestEvents } from "../model/events.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { eventLine, eventRecord, toEvent } from "../model/records.ts";

/** Adds a line, once for each `externalId`. */
export const append = systemMutation({
  args: { ...eventLine.fields, projectId: v.string(), ownerId: v.string(), externalId: v.string() },
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId, externalId, type, message, filePath, preview }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const known = await ctx.db
      .query("generationEvents")
      .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
      .first();
    if (known !== null) return null;
    await ctx.db.insert("generationEvents", {
      projectId: project._id,
      externalId,
      type,
      message: message.slice(0, 10_000),
      filePath,
      preview: preview?.slice(0, 10_000),
    });
    return null;
  },
});

export const latest = systemQuery({
  args: { ownerId: v.string(), projectId: v.string(), limit: v.number() },
  returns: v.array(eventRecord),
  handler: async (ctx, { ownerId, projectId, limit }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return (await latestEvents(ctx, project._id, limit)).map(toEvent);
  },
});
