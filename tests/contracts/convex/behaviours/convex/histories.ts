// Random histories: each mutation says which one it was, so that the serial order is known afterwards.
import { v } from "convex/values";
import { type MutationCtx, mutation, query } from "./_generated/server";

const COUNTER = "ordinal";

async function nextOrdinal(ctx: MutationCtx): Promise<number> {
  const found = await ctx.db
    .query("values")
    .withIndex("by_key", (q) => q.eq("key", COUNTER))
    .unique();
  const next = ((found?.value as number | undefined) ?? 0) + 1;
  if (found === null) await ctx.db.insert("values", { key: COUNTER, value: next });
  else await ctx.db.patch(found._id, { value: next });
  return next;
}

const step = v.object({ name: v.string(), balance: v.union(v.number(), v.null()) });

/** Sets or (null) removes accounts; gives the mutation's place in the history. */
export const apply = mutation({
  args: { steps: v.array(step), mustFail: v.boolean() },
  handler: async (ctx, { steps, mustFail }) => {
    for (const { name, balance } of steps) {
      const found = await ctx.db
        .query("accounts")
        .withIndex("by_name", (q) => q.eq("name", name))
        .unique();
      if (balance === null) {
        if (found !== null) await ctx.db.delete(found._id);
      } else if (found === null) {
        await ctx.db.insert("accounts", { name, balance });
      } else {
        await ctx.db.patch(found._id, { balance });
      }
    }
    const ordinal = await nextOrdinal(ctx);
    if (mustFail) throw new Error("this one never happened");
    return ordinal;
  },
});

/** Accounts from one name up to another. */
export const between = query({
  args: { from: v.string(), to: v.string() },
  handler: async (ctx, { from, to }) => {
    const found = ctx.db.query("accounts").withIndex("by_name", (q) => q.gte("name", from).lt("name", to));
    return (await found.collect()).map(({ name, balance }) => `${name}=${balance}`);
  },
});

/** The first accounts: what it reads depends on what is there. */
export const first = query({
  args: { count: v.number() },
  handler: async (ctx, { count }) => (await ctx.db.query("accounts").withIndex("by_name").take(count)).map(({ name }) => name),
});
