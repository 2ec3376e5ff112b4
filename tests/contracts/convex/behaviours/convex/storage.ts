// Files: stored by actions or by upload, read by their URL, described by a system table.
import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";

export const put = action({
  args: { text: v.string(), type: v.optional(v.string()) },
  handler: async (ctx, { text, type }) => ctx.storage.store(new Blob([text], type === undefined ? {} : { type })),
});

export const read = action({
  args: { id: v.id("_storage") },
  handler: async (ctx, { id }) => {
    const blob = await ctx.storage.get(id);
    return blob === null ? null : { text: await blob.text(), size: blob.size };
  },
});

export const drop = mutation({ args: { id: v.id("_storage") }, handler: async (ctx, { id }) => ctx.storage.delete(id) });

export const url = query({ args: { id: v.id("_storage") }, handler: async (ctx, { id }) => ctx.storage.getUrl(id) });

export const describe = query({
  args: { id: v.id("_storage") },
  handler: async (ctx, { id }) => {
    const found = await ctx.db.system.get(id);
    return found === null ? null : { size: found.size, sha256: found.sha256, contentType: found.contentType ?? null };
  },
});

export const metadata = query({ args: { id: v.id("_storage") }, handler: async (ctx, { id }) => ctx.storage.getMetadata(id) });

export const uploadUrl = mutation({ args: {}, handler: async (ctx) => ctx.storage.generateUploadUrl() });
