// What a document may not be, and what a query may not do.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

function nested(levels: number): unknown {
  return levels === 0 ? 1 : { x: nested(levels - 1) };
}

export const insert = mutation({
  args: {
    what: v.union(v.literal("bytes"), v.literal("array"), v.literal("fields"), v.literal("nesting"), v.literal("name")),
    size: v.number(),
  },
  handler: async (ctx, { what, size }) => {
    const value = {
      bytes: () => "x".repeat(size),
      array: () => Array<number>(size).fill(0),
      fields: () => Object.fromEntries(Array.from({ length: size }, (_, i) => [`f${i}`, i])),
      nesting: () => nested(size),
      name: () => ({ [size === 0 ? "$dollar" : size === 1 ? "_under" : "naïve"]: 1 }),
    }[what]();
    await ctx.db.insert("values", { key: "limit", value });
    return "kept";
  },
});

export const fetches = query({
  args: {},
  handler: async () => {
    await fetch("http://127.0.0.1:1/");
  },
});

export const sleeps = mutation({
  args: {},
  handler: async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
  },
});

export const clock = query({
  args: {},
  handler: async () => {
    const start = Date.now();
    let sum = 0;
    for (let i = 0; i < 3_000_000; i++) sum += i;
    return { isStill: Date.now() === start, isNumber: Number.isInteger(start), sum };
  },
});

export const writesFromQuery = query({
  args: {},
  handler: async (ctx) => {
    await (ctx.db as unknown as { insert(table: string, value: object): Promise<void> }).insert("values", { key: "a", value: 1 });
  },
});
