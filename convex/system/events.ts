// The log of a project's generation.
import { v } from "convex/values";
import { ownedProject } from "../model/access.ts";
import { appendEvent, latestEvents } from "../model/events.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { eventLine, eventRecord, toEvent } from "../model/records.ts";

/** Adds a line, once for each `externalId`. */
export const append = systemMutation({
  args: { ...eventLine.fields, projectId: v.string(), ownerId: v.string(), externalId: v.string() },
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId, externalId, type, message, filePath, preview }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    await appendEvent(ctx, externalId, { projectId: project._id, type, message, filePath, preview });
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
