// Lists that are read in pages, searched, and changed meanwhile.
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const add = mutation({
  args: { list: v.string(), rank: v.number(), text: v.optional(v.string()) },
  handler: async (ctx, { list, rank, text }) => {
    await ctx.db.insert("posts", { list, rank, text: text ?? `post ${rank}` });
  },
});

export const addMany = mutation({
  args: { list: v.string(), ranks: v.array(v.number()) },
  handler: async (ctx, { list, ranks }) => {
    for (const rank of ranks) await ctx.db.insert("posts", { list, rank, text: `post ${rank}` });
  },
});

export const remove = mutation({
  args: { list: v.string(), rank: v.number() },
  handler: async (ctx, { list, rank }) => {
    const found = await ctx.db
      .query("posts")
      .withIndex("by_list", (q) => q.eq("list", list).eq("rank", rank))
      .first();
    if (found !== null) await ctx.db.delete(found._id);
    return found !== null;
  },
});

export const page = query({
  args: { list: v.string(), order: v.optional(v.union(v.literal("asc"), v.literal("desc"))), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { list, order, paginationOpts }) =>
    ctx.db
      .query("posts")
      .withIndex("by_list", (q) => q.eq("list", list))
      .order(order ?? "asc")
      .paginate(paginationOpts),
});

export const evenPage = query({
  args: { list: v.string(), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { list, paginationOpts }) =>
    ctx.db
      .query("posts")
      .withIndex("by_list", (q) => q.eq("list", list))
      .filter((q) => q.eq(q.mod(q.field("rank"), 2), 0))
      .paginate(paginationOpts),
});

export const ranks = query({
  args: { list: v.string() },
  handler: async (ctx, { list }) => {
    const posts = ctx.db.query("posts").withIndex("by_list", (q) => q.eq("list", list));
    return (await posts.collect()).map((post) => post.rank);
  },
});

export const search = query({
  args: { list: v.string(), words: v.string() },
  handler: async (ctx, { list, words }) => {
    const found = ctx.db.query("posts").withSearchIndex("by_text", (q) => q.search("text", words).eq("list", list));
    return (await found.collect()).map((post) => post.text).sort();
  },
});
