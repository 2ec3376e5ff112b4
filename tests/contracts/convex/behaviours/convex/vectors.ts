// Nearest neighbours, from actions.
import { v } from "convex/values";
import { internal } from "./_generated/api";
import { action, internalQuery, mutation } from "./_generated/server";

export const add = mutation({
  args: { name: v.string(), group: v.string(), embedding: v.array(v.float64()) },
  handler: async (ctx, args) => {
    await ctx.db.insert("vectors", args);
  },
});

export const names = internalQuery({
  args: { ids: v.array(v.id("vectors")) },
  handler: async (ctx, { ids }): Promise<string[]> => Promise.all(ids.map(async (id) => (await ctx.db.get(id))!.name)),
});

export const nearest = action({
  args: { vector: v.array(v.float64()), group: v.string(), limit: v.number() },
  handler: async (ctx, { vector, group, limit }): Promise<string[]> => {
    const found = await ctx.vectorSearch("vectors", "by_embedding", { vector, limit, filter: (q) => q.eq("group", group) });
    return ctx.runQuery(internal.vectors.names, { ids: found.map((hit) => hit._id) });
  },
});
