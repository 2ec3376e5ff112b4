// Projects, for the signed-in person.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";
import { callerId, ownedProject } from "./model/access.ts";
import { latestEvents } from "./model/events.ts";
import { latestGeneration } from "./model/generating.ts";
import { MOST_ROWS, wholeList } from "./model/lists.ts";
import { configurePreview, createProject, projectsOf, removeProject, renameProject, restoreProject as restore } from "./model/projects.ts";
import { eventDoc, projectDoc, projectGenerationDoc, toEventDoc, toProjectDoc, toProjectGenerationDoc } from "./model/docs.ts";
import { previewSettings } from "./model/validators.ts";

export const create = mutation({
  args: { name: v.string() },
  returns: v.id("projects"),
  handler: async (ctx, { name }) => (await createProject(ctx, await callerId(ctx), name))._id,
});

/** The caller's projects, last updated first. All of them: refused for more than 8,000. */
export const get = query({
  args: {},
  returns: v.array(projectDoc),
  handler: async (ctx) => (await wholeList(projectsOf(ctx, await callerId(ctx)), "the API's pages")).map(toProjectDoc),
});

/** The first `limit` of them. */
export const getPartial = query({
  args: { limit: v.number() },
  returns: v.array(projectDoc),
  handler: async (ctx, { limit }) => {
    const ownerId = await callerId(ctx);
    const most = Math.max(0, Math.min(limit, MOST_ROWS));
    return (await projectsOf(ctx, ownerId).take(most)).map(toProjectDoc);
  },
});

export const getById = query({
  args: { id: v.id("projects") },
  returns: projectDoc,
  handler: async (ctx, { id }) => toProjectDoc(await ownedProject(ctx, await callerId(ctx), id)),
});

export const rename = mutation({
  args: { id: v.id("projects"), name: v.string() },
  returns: v.null(),
  handler: async (ctx, { id, name }) => {
    await renameProject(ctx, await ownedProject(ctx, await callerId(ctx), id), name);
    return null;
  },
});

/** Replaces the commands of the preview; for the other settings see settings:update. */
export const updateSettings = mutation({
  args: { id: v.id("projects"), settings: previewSettings },
  returns: v.null(),
  handler: async (ctx, { id, settings }) => {
    await configurePreview(ctx, await ownedProject(ctx, await callerId(ctx), id), settings);
    return null;
  },
});

/** Gone for every reader at once; its rows and blobs follow in batches, after the 30 seconds in which it can be restored. */
export const deleteProject = mutation({
  args: { id: v.id("projects") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    await removeProject(ctx, await callerId(ctx), id);
    return null;
  },
});

/** Takes back a deletion of at most 30 seconds ago. What was being written in the project stays cancelled. */
export const restoreProject = mutation({
  args: { id: v.id("projects") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    await restore(ctx, await callerId(ctx), id);
    return null;
  },
});

/** The last `limit` (200) lines of the log, oldest first. */
export const getGenerationEvents = query({
  args: { projectId: v.id("projects"), limit: v.optional(v.number()) },
  returns: v.array(eventDoc),
  handler: async (ctx, { projectId, limit }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    return (await latestEvents(ctx, project._id, limit ?? 200)).map(toEventDoc);
  },
});

/** The newest request to generate the project; null where there was none. */
export const getGeneration = query({
  args: { projectId: v.id("projects") },
  returns: v.union(projectGenerationDoc, v.null()),
  handler: async (ctx, { projectId }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const row = await latestGeneration(ctx, project._id);
    return row === null ? null : toProjectGenerationDoc(row);
  },
});
