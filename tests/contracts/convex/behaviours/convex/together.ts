// Several calls at once inside one function, and functions that call functions.
import { v } from "convex/values";
import { api, internal } from "./_generated/api";
import { action, internalAction, internalMutation, internalQuery, mutation, query } from "./_generated/server";

export const insertsAtOnce = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    const ids = await Promise.all(Array.from({ length: count }, (_, i) => ctx.db.insert("rows", { label: `r${i}`, a: i })));
    const found = await Promise.all(ids.map((id) => ctx.db.get(id)));
    const both = await Promise.all([
      ctx.db
        .query("rows")
        .withIndex("by_a_b", (q) => q.lt("a", 3))
        .collect(),
      ctx.db.query("rows").order("desc").first(),
    ]);
    return { isInOrder: found.every((row, i) => row?.label === `r${i}`), few: both[0].length, last: both[1]?.label };
  },
});

export const addOne = internalMutation({
  args: { key: v.string() },
  handler: async (ctx, { key }): Promise<number> => {
    const found = await ctx.db
      .query("values")
      .withIndex("by_key", (q) => q.eq("key", key))
      .unique();
    const value = ((found?.value as number | undefined) ?? 0) + 1;
    if (found === null) await ctx.db.insert("values", { key, value });
    else await ctx.db.patch(found._id, { value });
    return value;
  },
});

export const nestedAtOnce = mutation({
  args: {},
  handler: async (ctx): Promise<number[]> =>
    Promise.all(Array.from({ length: 5 }, () => ctx.runMutation(internal.together.addOne, { key: "nested" }))),
});

export const fromActionAtOnce = action({
  args: {},
  handler: async (ctx): Promise<number[]> => {
    const results = await Promise.all(Array.from({ length: 20 }, () => ctx.runMutation(internal.together.addOne, { key: "action" })));
    return results.sort((a, b) => a - b);
  },
});

export const inner = internalAction({ args: { x: v.number() }, handler: async (_, { x }) => x * 2 });

export const actionOfActions = action({
  args: {},
  handler: async (ctx): Promise<number> =>
    (await ctx.runAction(internal.together.inner, { x: 2 })) + (await ctx.runAction(internal.together.inner, { x: 3 })),
});

export const plusOne = internalQuery({ args: { x: v.number() }, handler: async (_, { x }) => x + 1 });

export const queryOfQueries = query({
  args: {},
  handler: async (ctx): Promise<string[]> => [
    String(await ctx.runQuery(internal.together.plusOne, { x: 1 })),
    await ctx.runQuery(api.nested.deep.default, {}),
  ],
});

export const replacesWithItself = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "one", a: 1 });
    const row = (await ctx.db.get(id))!;
    await ctx.db.replace(id, { ...row, a: 2 });
    await ctx.db.patch(id, { ...row, b: 3 });
    const { label, a, b } = (await ctx.db.get(id))!;
    return { label, a, b };
  },
});

export const changesItsId = mutation({
  args: {},
  handler: async (ctx) => {
    const one = await ctx.db.insert("rows", { label: "one" });
    const two = await ctx.db.insert("rows", { label: "two" });
    await ctx.db.patch(one, { _id: two } as never);
  },
});

export const insertsWithId = mutation({
  args: {},
  handler: async (ctx) => {
    const one = await ctx.db.insert("rows", { label: "one" });
    await ctx.db.insert("rows", { _id: one, label: "two" } as never);
  },
});

export const returns = query({
  args: { what: v.string() },
  handler: async (_, { what }): Promise<unknown> => {
    const values: Record<string, unknown> = {
      date: new Date(0),
      map: new Map(),
      set: new Set(),
      function: () => 1,
      "undefined in a list": [undefined],
      "a class": new URL("http://a"),
      "undefined in an object": { a: undefined, b: 1 },
    };
    return values[what];
  },
});

export const usesUndeclaredTable = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("undeclared" as "rows", { anything: [1] } as never);
    const found = (await ctx.db.query("undeclared" as "rows").collect()) as unknown as { anything: number[] }[];
    const values = found.map(({ anything }) => anything);
    await ctx.db.delete(id);
    return values;
  },
});

export const byOwnIndexes = mutation({
  args: {},
  handler: async (ctx) => {
    const one = await ctx.db.insert("rows", { label: "one", a: 1 });
    await ctx.db.insert("rows", { label: "two", a: 2 });
    const row = (await ctx.db.get(one))!;
    return {
      byId: (
        await ctx.db
          .query("rows")
          .withIndex("by_id", (q) => q.eq("_id", one))
          .unique()
      )?.label,
      byTime: (
        await ctx.db
          .query("rows")
          .withIndex("by_creation_time", (q) => q.lte("_creationTime", row._creationTime))
          .collect()
      ).length,
      byFilter: (
        await ctx.db
          .query("rows")
          .filter((q) => q.eq(q.field("_id"), one))
          .first()
      )?.label,
      tieByTime: (
        await ctx.db
          .query("rows")
          .withIndex("by_a_b", (q) => q.eq("a", 1).eq("b", undefined).gte("_creationTime", row._creationTime))
          .collect()
      ).length,
    };
  },
});

export const manyWrites = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let i = 0; i < count; i++) await ctx.db.insert("posts", { list: "many", rank: i, text: "" });
    return "kept";
  },
});

export const manyQueries = query({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let i = 0; i < count; i++)
      await ctx.db
        .query("posts")
        .withIndex("by_list", (q) => q.eq("list", `l${i}`))
        .first();
    return "read";
  },
});

export const manySchedules = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let i = 0; i < count; i++) await ctx.scheduler.runAfter(3_600_000, internal.together.addOne, { key: "later" });
    return "scheduled";
  },
});

export const twoPages = query({
  args: {},
  handler: async (ctx) => {
    const page = () => ctx.db.query("posts").withIndex("by_list").paginate({ numItems: 1, cursor: null });
    return (await page()).page.length + (await page()).page.length;
  },
});

export const variable = query({ args: {}, handler: async () => process.env["CONTRACTS_VARIABLE"] ?? null });
