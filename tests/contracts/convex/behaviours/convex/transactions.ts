// What a failure takes back: all of a mutation, or only what a nested one wrote.
import { ConvexError, v } from "convex/values";
import { internal } from "./_generated/api";
import { action, internalMutation, internalQuery, type MutationCtx, mutation, query } from "./_generated/server";

async function put(ctx: MutationCtx, name: string, balance: number): Promise<void> {
  const found = await ctx.db
    .query("accounts")
    .withIndex("by_name", (q) => q.eq("name", name))
    .unique();
  if (found === null) await ctx.db.insert("accounts", { name, balance });
  else await ctx.db.patch(found._id, { balance });
}

export const balances = query({
  args: {},
  handler: async (ctx): Promise<Record<string, number>> =>
    Object.fromEntries((await ctx.db.query("accounts").withIndex("by_name").collect()).map((a) => [a.name, a.balance])),
});

export const balance = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const found = ctx.db.query("accounts").withIndex("by_name", (q) => q.eq("name", name));
    return (await found.unique())?.balance ?? 0;
  },
});

export const set = mutation({
  args: { name: v.string(), balance: v.number() },
  handler: async (ctx, { name, balance }) => put(ctx, name, balance),
});

export const add = mutation({
  args: { name: v.string(), amount: v.number() },
  handler: async (ctx, { name, amount }): Promise<number> => {
    const found = await ctx.db
      .query("accounts")
      .withIndex("by_name", (q) => q.eq("name", name))
      .unique();
    const next = (found?.balance ?? 0) + amount;
    await put(ctx, name, next);
    return next;
  },
});

export const move = mutation({
  args: { from: v.string(), to: v.string(), amount: v.number() },
  handler: async (ctx, { from, to, amount }) => {
    const all = Object.fromEntries((await ctx.db.query("accounts").collect()).map((a) => [a.name, a.balance]));
    await put(ctx, from, (all[from] ?? 0) - amount);
    await put(ctx, to, (from === to ? (all[to] ?? 0) - amount : (all[to] ?? 0)) + amount);
  },
});

export const writesThenThrows = mutation({
  args: {},
  handler: async (ctx) => {
    await put(ctx, "lost", 1);
    throw new Error("after the write");
  },
});

export const throwsData = mutation({
  args: { data: v.any() },
  handler: async (ctx, { data }) => {
    await put(ctx, "lost", 1);
    throw new ConvexError(data);
  },
});

export const queryThrowsData = query({
  args: { data: v.any() },
  handler: async (_, { data }) => {
    throw new ConvexError(data);
  },
});

export const actionThrowsData = action({
  args: { data: v.any() },
  handler: async (_, { data }) => {
    throw new ConvexError(data);
  },
});

export const inner = internalMutation({
  args: { name: v.string(), mustFail: v.boolean() },
  handler: async (ctx, { name, mustFail }) => {
    await put(ctx, name, 1);
    if (mustFail) throw new ConvexError({ code: "inner", name });
    return name;
  },
});

export const countAccounts = internalQuery({
  args: {},
  handler: async (ctx): Promise<number> => (await ctx.db.query("accounts").collect()).length,
});

/** The nested failure is caught: its writes go, ours stay. */
export const catchesNested = mutation({
  args: {},
  handler: async (ctx): Promise<{ caught: unknown; seen: number[] }> => {
    const seen: number[] = [];
    await put(ctx, "before", 1);
    await ctx.runMutation(internal.transactions.inner, { name: "kept", mustFail: false });
    seen.push(await ctx.runQuery(internal.transactions.countAccounts, {}));
    let caught: unknown = null;
    try {
      await ctx.runMutation(internal.transactions.inner, { name: "taken back", mustFail: true });
    } catch (error) {
      caught = error instanceof ConvexError ? error.data : String(error);
    }
    seen.push(await ctx.runQuery(internal.transactions.countAccounts, {}));
    await put(ctx, "after", 1);
    return { caught, seen };
  },
});

export const passesNestedOn = mutation({
  args: {},
  handler: async (ctx) => {
    await put(ctx, "before", 1);
    await ctx.runMutation(internal.transactions.inner, { name: "inner", mustFail: true });
  },
});

/** An action's calls are transactions of their own. */
export const actionOfSteps = action({
  args: {},
  handler: async (ctx): Promise<{ count: number; caught: unknown }> => {
    await ctx.runMutation(internal.transactions.inner, { name: "first", mustFail: false });
    let caught: unknown = null;
    try {
      await ctx.runMutation(internal.transactions.inner, { name: "second", mustFail: true });
    } catch (error) {
      caught = error instanceof ConvexError ? error.data : String(error);
    }
    return { count: await ctx.runQuery(internal.transactions.countAccounts, {}), caught };
  },
});

export const actionThatThrows = action({
  args: {},
  handler: async (ctx) => {
    await ctx.runMutation(internal.transactions.inner, { name: "stays", mustFail: false });
    throw new Error("after the mutation");
  },
});
