// What the store bench measures: a small write, an indexed read, a live query.
import { type DataModelFromSchemaDefinition, type MutationBuilder, type QueryBuilder, mutationGeneric, queryGeneric } from "convex/server";
import { v } from "convex/values";
import type schema from "./schema.ts";

type Model = DataModelFromSchemaDefinition<typeof schema>;
const query = queryGeneric as QueryBuilder<Model, "public">;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;

const row = { group: v.string(), n: v.number(), text: v.string() };
const PAGE = 20;

export const add = mutation({
  args: row,
  returns: v.null(),
  handler: async (ctx, args) => {
    await ctx.db.insert("rows", args);
    return null;
  },
});

/** `count` rows, `perGroup` to each group, numbered on from `start`. */
export const fill = mutation({
  args: { start: v.number(), count: v.number(), perGroup: v.number(), text: v.string() },
  returns: v.null(),
  handler: async (ctx, { start, count, perGroup, text }) => {
    for (let i = start; i < start + count; i++) {
      await ctx.db.insert("rows", { group: `g${Math.floor(i / perGroup)}`, n: i % perGroup, text });
    }
    return null;
  },
});

/** Twenty rows of a group from `n` on. */
export const page = query({
  args: { group: v.string(), n: v.number() },
  returns: v.array(v.object({ n: v.number(), text: v.string() })),
  handler: async (ctx, { group, n }) => {
    const rows = await ctx.db
      .query("rows")
      .withIndex("by_group", (q) => q.eq("group", group).gte("n", n))
      .take(PAGE);
    return rows.map((found) => ({ n: found.n, text: found.text }));
  },
});

/** The number of the newest row of a group; -1 while there is none. */
export const newest = query({
  args: { group: v.string() },
  returns: v.number(),
  handler: async (ctx, { group }) => {
    const last = await ctx.db
      .query("rows")
      .withIndex("by_group", (q) => q.eq("group", group))
      .order("desc")
      .first();
    return last?.n ?? -1;
  },
});
