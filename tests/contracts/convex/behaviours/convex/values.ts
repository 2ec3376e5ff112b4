// Values in and out: every type, as an argument, in a document and as a result.
import { v } from "convex/values";
import { action, internalQuery, mutation, query } from "./_generated/server";
import { shape } from "./schema";

export const echo = query({ args: { value: v.any() }, handler: async (_, { value }) => value });

export const echoMutation = mutation({ args: { value: v.any() }, handler: async (_, { value }) => value });

export const echoAction = action({ args: { value: v.any() }, handler: async (_, { value }) => value });

/** What the function itself sees, as text that no encoding can blur. */
export const describe = query({
  args: { value: v.any() },
  handler: async (_, { value }) => {
    if (Object.is(value, -0)) return "-0";
    if (value instanceof ArrayBuffer) return `bytes ${[...new Uint8Array(value)].join(" ")}`;
    return `${typeof value} ${String(value)}`;
  },
});

export const save = mutation({
  args: { key: v.string(), value: v.any() },
  handler: async (ctx, args) => {
    await ctx.db.insert("values", args);
  },
});

export const load = query({
  args: { key: v.string() },
  handler: async (ctx, { key }) => {
    const found = await ctx.db
      .query("values")
      .withIndex("by_key", (q) => q.eq("key", key))
      .unique();
    return found === null ? null : found.value;
  },
});

export const noResult = query({ args: {}, handler: async () => undefined });

export const takesShape = query({ args: { shape, tag: v.optional(v.string()) }, handler: async (_, args) => args });

export const takesRecord = query({ args: { scores: v.record(v.string(), v.number()) }, handler: async (_, args) => args.scores });

export const takesInt64 = query({ args: { count: v.int64() }, handler: async (_, { count }) => count + 1n });

export const takesNothing = query({ args: {}, handler: async () => "nothing" });

export const takesAnything = query(async (_, args: Record<string, unknown>) => Object.keys(args).length);

export const givesWrongResult = query({
  args: {},
  returns: v.number(),
  handler: async () => "three" as unknown as number,
});

export const saveTyped = mutation({
  args: { document: v.any() },
  handler: async (ctx, { document }) => {
    const id = await ctx.db.insert("typed", document);
    const { _id, _creationTime, ...rest } = (await ctx.db.get(id))!;
    return rest;
  },
});

export const secret = internalQuery({ args: {}, handler: async () => "internal" });
