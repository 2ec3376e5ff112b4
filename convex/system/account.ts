// What there is to know of a person's account as a whole, for the API.
import { v } from "convex/values";
import { deletionOf } from "../model/account_guard.ts";
import { exported, exportedPage } from "../model/account_export.ts";
import { systemQuery } from "../model/functions.ts";
import { storageLimit, storageUseOf } from "../model/storage_use.ts";
import { pageOf } from "../model/validators.ts";

export const about = systemQuery({
  args: { ownerId: v.string() },
  returns: v.object({
    storageBytes: v.number(),
    storageLimitBytes: v.optional(v.number()), // absent: there is none
    deletionRequestedAt: v.optional(v.number()), // it is being deleted
  }),
  handler: async (ctx, { ownerId }) => ({
    storageBytes: (await storageUseOf(ctx, ownerId))?.bytes ?? 0,
    storageLimitBytes: storageLimit(),
    deletionRequestedAt: (await deletionOf(ctx, ownerId))?.requestedAt,
  }),
});

/** Rows of a table as an export holds them; `of` is the project, conversation or message that they belong to. */
export const page = systemQuery({
  args: { ownerId: v.string(), table: v.string(), of: v.optional(v.string()), cursor: v.optional(v.string()) },
  returns: pageOf(v.any()),
  handler: async (ctx, { cursor = null, ...wanted }) => {
    const found = await exportedPage(ctx, { ...wanted, cursor });
    const items = [];
    for (const row of found.page) items.push(await exported(ctx, row));
    return { items, nextCursor: found.isDone ? null : found.continueCursor };
  },
});
