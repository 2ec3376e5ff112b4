// Reading many documents: index ranges, order, filters, and the ends of a query.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const fill = mutation({
  args: { rows: v.array(v.any()) },
  handler: async (ctx, { rows }) => {
    for (const row of rows) await ctx.db.insert("rows", row);
  },
});

const bound = v.object({ value: v.any() });

export const between = query({
  args: {
    a: v.optional(bound),
    isAMissing: v.optional(v.boolean()),
    gt: v.optional(bound),
    gte: v.optional(bound),
    lt: v.optional(bound),
    lte: v.optional(bound),
    order: v.optional(v.union(v.literal("asc"), v.literal("desc"))),
  },
  handler: async (ctx, args) => {
    const found = await ctx.db
      .query("rows")
      .withIndex("by_a_b", (q) => {
        if (args.a === undefined && !args.isAMissing) return q;
        const b = q.eq("a", args.a?.value);
        const lower = args.gt ? b.gt("b", args.gt.value) : args.gte ? b.gte("b", args.gte.value) : b;
        return args.lt ? lower.lt("b", args.lt.value) : args.lte ? lower.lte("b", args.lte.value) : lower;
      })
      .order(args.order ?? "asc")
      .collect();
    return found.map((row) => row.label);
  },
});

export const deeper = query({
  args: { x: v.any() },
  handler: async (ctx, { x }) =>
    (
      await ctx.db
        .query("rows")
        .withIndex("by_deep", (q) => q.eq("deep.x", x))
        .collect()
    ).map((row) => row.label),
});

export const newestFirst = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("rows").order("desc").collect()).map((row) => row.label),
});

export const sinceCreation = query({
  args: { label: v.string() },
  handler: async (ctx, { label }) => {
    const first = (await ctx.db.query("rows").collect()).find((row) => row.label === label)!;
    const later = ctx.db.query("rows").withIndex("by_creation_time", (q) => q.gt("_creationTime", first._creationTime));
    return (await later.collect()).map((row) => row.label);
  },
});

export const filtered = query({
  args: {},
  handler: async (ctx) => {
    const labels = async (rows: Promise<{ label: string }[]>) => (await rows).map((row) => row.label);
    const rows = () => ctx.db.query("rows").withIndex("by_a_b");
    return {
      both: await labels(
        rows()
          .filter((q) => q.and(q.gt(q.field("a"), 1), q.neq(q.field("b"), 4)))
          .collect(),
      ),
      either: await labels(
        rows()
          .filter((q) => q.or(q.eq(q.field("label"), "x"), q.lt(q.field("b"), 3)))
          .collect(),
      ),
      sum: await labels(
        rows()
          .filter((q) => q.eq(q.add(q.field("a"), q.field("b")), 6))
          .collect(),
      ),
      negated: await labels(
        rows()
          .filter((q) => q.not(q.eq(q.field("a"), 2)))
          .collect(),
      ),
      missing: await labels(
        rows()
          .filter((q) => q.eq(q.field("deep.x"), undefined))
          .collect(),
      ),
    };
  },
});

export const ends = query({
  args: {},
  handler: async (ctx) => {
    const rows = () => ctx.db.query("rows").withIndex("by_a_b");
    const one = () => ctx.db.query("rows").withIndex("by_a_b", (q) => q.eq("a", 99));
    return {
      first: (await rows().first())?.label,
      none: await one().first(),
      noUnique: await one().unique(),
      taken: (await rows().take(2)).length,
      takenZero: (await rows().take(0)).length,
    };
  },
});

export const iterated = query({
  args: {},
  handler: async (ctx) => {
    const seen: string[] = [];
    for await (const row of ctx.db.query("rows").withIndex("by_a_b")) {
      seen.push(row.label);
      if (seen.length === 2) break;
    }
    return seen;
  },
});

export const uniqueOfTwo = query({ args: {}, handler: async (ctx) => (await ctx.db.query("rows").unique())?.label ?? null });

export const unknownIndex = query({
  args: {},
  handler: async (ctx) =>
    (
      await ctx.db
        .query("rows")
        .withIndex("by_nothing" as "by_a_b")
        .collect()
    ).length,
});

export const wrongFieldOrder = query({
  args: {},
  handler: async (ctx) =>
    (
      await ctx.db
        .query("rows")
        .withIndex("by_a_b", (q) => (q as unknown as { eq(field: string, value: number): never }).eq("b", 1))
        .collect()
    ).length,
});

/** A mutation sees its own writes in every query. */
export const readsOwnWrites = mutation({
  args: {},
  handler: async (ctx) => {
    const labels = async () =>
      (
        await ctx.db
          .query("rows")
          .withIndex("by_a_b", (q) => q.eq("a", 7))
          .collect()
      ).map((row) => row.label);
    const counts: string[][] = [];
    const first = await ctx.db.insert("rows", { label: "one", a: 7, b: 2 });
    counts.push(await labels());
    await ctx.db.insert("rows", { label: "two", a: 7, b: 1 });
    counts.push(await labels());
    await ctx.db.patch(first, { a: 8 });
    counts.push(await labels());
    return counts;
  },
});
