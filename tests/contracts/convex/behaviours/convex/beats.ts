// How often the cron has run.
import { v } from "convex/values";
import { internalMutation, query } from "./_generated/server";

const beats = "beats";

export const beat = internalMutation({
  args: { by: v.number() },
  handler: async (ctx, { by }) => {
    const found = await ctx.db
      .query("values")
      .withIndex("by_key", (q) => q.eq("key", beats))
      .unique();
    if (found === null) await ctx.db.insert("values", { key: beats, value: by });
    else await ctx.db.patch(found._id, { value: (found.value as number) + by });
  },
});

export const count = query({
  args: {},
  handler: async (ctx) => {
    const found = ctx.db.query("values").withIndex("by_key", (q) => q.eq("key", beats));
    return ((await found.unique())?.value as number | undefined) ?? 0;
  },
});
