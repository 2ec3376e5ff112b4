// Projects, for the API.
import { v } from "convex/values";
import { find, ownedProject } from "../model/access.ts";
import { refused } from "../model/errors.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { createProject, projectsOf, removeProject, renameProject, restoreProject } from "../model/projects.ts";
import { outboxRecord, projectRecord, toOutbox, toProject } from "../model/records.ts";
import { changeSettings } from "../model/settings.ts";
import { pageOf, settingsChange } from "../model/validators.ts";

const MAX_IDS = 1_000;
const owned = { ownerId: v.string(), projectId: v.string() };

export const create = systemMutation({
  args: { ownerId: v.string(), name: v.string(), externalId: v.string() },
  returns: projectRecord,
  handler: async (ctx, { ownerId, name, externalId }) => toProject(await createProject(ctx, ownerId, name, externalId)),
});

export const list = systemQuery({
  args: { ownerId: v.string(), limit: v.number(), cursor: v.optional(v.string()) },
  returns: pageOf(projectRecord),
  handler: async (ctx, { ownerId, limit, cursor }) => {
    const page = await projectsOf(ctx, ownerId).paginate({
      numItems: Math.max(1, Math.min(limit, 100)),
      cursor: cursor ?? null,
    });
    const nextCursor = page.isDone ? null : page.continueCursor;
    return { items: page.page.map(toProject), nextCursor };
  },
});

export const get = systemQuery({
  args: owned,
  returns: projectRecord,
  handler: async (ctx, { ownerId, projectId }) => toProject(await ownedProject(ctx, ownerId, projectId)),
});

/** Those of these projects that there are; one that is being emptied is none. */
export const existing = systemQuery({
  args: { projectIds: v.array(v.string()) },
  returns: v.array(v.string()),
  handler: async (ctx, { projectIds }) => {
    if (projectIds.length > MAX_IDS) throw refused("too_many", `At most ${MAX_IDS} projects`);
    const found = [];
    for (const id of projectIds) {
      const project = await find(ctx, "projects", id);
      if (project !== null && project.deletedAt === undefined) found.push(id);
    }
    return found;
  },
});

/** Those of these people that have a project; one that is being emptied is none. */
export const ownersOfAny = systemQuery({
  args: { ownerIds: v.array(v.string()) },
  returns: v.array(v.string()),
  handler: async (ctx, { ownerIds }) => {
    if (ownerIds.length > MAX_IDS) throw refused("too_many", `At most ${MAX_IDS} people`);
    const found = [];
    for (const id of ownerIds) if ((await projectsOf(ctx, id).first()) !== null) found.push(id);
    return found;
  },
});

export const rename = systemMutation({
  args: { ...owned, name: v.string() },
  returns: projectRecord,
  handler: async (ctx, { ownerId, projectId, name }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return toProject(await renameProject(ctx, project, name));
  },
});

export const configure = systemMutation({
  args: { ...owned, change: settingsChange },
  returns: projectRecord,
  handler: async (ctx, { ownerId, projectId, change }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return toProject(await changeSettings(ctx, project, change));
  },
});

export const remove = systemMutation({
  args: owned,
  returns: v.array(outboxRecord),
  handler: async (ctx, { ownerId, projectId }) => (await removeProject(ctx, ownerId, projectId)).map(toOutbox),
});

export const restore = systemMutation({
  args: owned,
  returns: projectRecord,
  handler: async (ctx, { ownerId, projectId }) => toProject(await restoreProject(ctx, ownerId, projectId)),
});
