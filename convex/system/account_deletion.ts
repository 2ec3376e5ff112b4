// The deletion of accounts, for the API and its job. Each part is safe to do again; of a deletion that is done nothing is left.
import { v } from "convex/values";
import { areProjectsGone, deletionBy, removeOwnRows, removeProjects as hideProjects, requestDeletion } from "../model/account_deletion.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { outboxRecord, toOutbox } from "../model/records.ts";
import schema from "../schema.ts";

const record = schema
  .doc("accountDeletions")
  .pick("requestedAt")
  .extend({ deletionId: v.id("accountDeletions") });
const deletion = { deletionId: v.string() };

export const request = systemMutation({
  args: { ownerId: v.string() },
  returns: v.object({ deletion: record, events: v.array(outboxRecord) }),
  handler: async (ctx, { ownerId }) => {
    const { deletion: row, events } = await requestDeletion(ctx, ownerId);
    return { deletion: { deletionId: row._id, requestedAt: row.requestedAt }, events: events.map(toOutbox) };
  },
});

/** Whose account it is; null: it is deleted. */
export const owner = systemQuery({
  args: deletion,
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { deletionId }) => (await deletionBy(ctx, deletionId))?.ownerId ?? null,
});

export const removeProjects = systemMutation({
  args: deletion,
  returns: v.object({ hasMore: v.boolean() }),
  handler: async (ctx, { deletionId }) => {
    const row = await deletionBy(ctx, deletionId);
    return { hasMore: row !== null && (await hideProjects(ctx, row.ownerId)) };
  },
});

export const areEmptied = systemQuery({
  args: deletion,
  returns: v.boolean(),
  handler: async (ctx, { deletionId }) => {
    const row = await deletionBy(ctx, deletionId);
    return row === null || (await areProjectsGone(ctx, row.ownerId));
  },
});

export const removeRows = systemMutation({
  args: deletion,
  returns: v.object({ hasMore: v.boolean() }),
  handler: async (ctx, { deletionId }) => {
    const row = await deletionBy(ctx, deletionId);
    return { hasMore: row !== null && (await removeOwnRows(ctx, row.ownerId)) };
  },
});

/** It is done: nobody knows of it any more. False where something has come meanwhile that has to go first. */
export const finish = systemMutation({
  args: deletion,
  returns: v.boolean(),
  handler: async (ctx, { deletionId }) => {
    const row = await deletionBy(ctx, deletionId);
    if (row === null) return true;
    if (!(await areProjectsGone(ctx, row.ownerId)) || (await removeOwnRows(ctx, row.ownerId))) return false;
    await ctx.db.delete(row._id);
    return true;
  },
});
