// One document: insert, get, patch, replace, delete, and ids.
import { v } from "convex/values";
import type { Id } from "./_generated/dataModel";
import { type MutationCtx, mutation, query } from "./_generated/server";

async function fields(ctx: MutationCtx, id: Id<"rows">) {
  const found = await ctx.db.get(id);
  if (found === null) return null;
  const { _id, _creationTime, ...rest } = found;
  return rest;
}

export const patchRemovesUndefined = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "old", a: 1, b: 2 });
    await ctx.db.patch(id, { a: undefined, label: "new" });
    return fields(ctx, id);
  },
});

export const replaceDropsTheRest = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "old", a: 1, b: 2 });
    const before = (await ctx.db.get(id))!;
    await ctx.db.replace(id, { label: "new", b: undefined });
    const after = (await ctx.db.get(id))!;
    return { fields: await fields(ctx, id), isSameId: before._id === after._id, isSameTime: before._creationTime === after._creationTime };
  },
});

export const patchIsShallow = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "one", a: { x: 1, y: 2 } });
    await ctx.db.patch(id, { a: { x: 3 } });
    return fields(ctx, id);
  },
});

export const deleteThenGet = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "one" });
    await ctx.db.delete(id);
    return ctx.db.get(id);
  },
});

export const deleteTwice = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "one" });
    await ctx.db.delete(id);
    await ctx.db.delete(id);
  },
});

export const patchDeleted = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("rows", { label: "one" });
    await ctx.db.delete(id);
    await ctx.db.patch(id, { label: "two" });
  },
});

export const create = mutation({
  args: { table: v.union(v.literal("values"), v.literal("accounts")) },
  handler: async (ctx, { table }): Promise<string> =>
    table === "values" ? ctx.db.insert("values", { key: "made", value: null }) : ctx.db.insert("accounts", { name: "made", balance: 0 }),
});

export const takesValueId = query({ args: { id: v.id("values") }, handler: async (ctx, { id }) => (await ctx.db.get(id))?.key ?? null });

export const normalize = query({
  args: { id: v.string() },
  handler: async (ctx, { id }) => ctx.db.normalizeId("values", id) !== null,
});

export const getText = query({ args: { id: v.string() }, handler: async (ctx, { id }) => ctx.db.get(id as Id<"values">) });

/** The newer form of each call names the table. */
export const namesTheTable = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("accounts", { name: "a", balance: 1 });
    await ctx.db.patch("accounts", id, { balance: 2 });
    const patched = (await ctx.db.get("accounts", id))!.balance;
    await ctx.db.replace("accounts", id, { name: "b", balance: 3 });
    const replaced = (await ctx.db.get("accounts", id))!.name;
    await ctx.db.delete("accounts", id);
    return { patched, replaced, gone: await ctx.db.get("accounts", id) };
  },
});

export const namesTheWrongTable = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("accounts", { name: "a", balance: 1 });
    await ctx.db.patch("values", id as unknown as Id<"values">, { value: 2 });
  },
});

export const insertsWrongShape = mutation({
  args: {},
  handler: async (ctx) => ctx.db.insert("accounts", { name: "a", balance: "much" as unknown as number }),
});

export const insertsUnknownField = mutation({
  args: {},
  handler: async (ctx) => ctx.db.insert("accounts", { name: "a", balance: 1, color: "red" } as never),
});

export const patchesToWrongShape = mutation({
  args: {},
  handler: async (ctx) => {
    const id = await ctx.db.insert("accounts", { name: "a", balance: 1 });
    await ctx.db.patch(id, { balance: undefined });
  },
});

export const putsForeignId = mutation({
  args: {},
  handler: async (ctx) => {
    const wrong = (await ctx.db.insert("accounts", { name: "a", balance: 1 })) as unknown as Id<"values">;
    await ctx.db.insert("typed", { shape: { kind: "circle", radius: 1 }, scores: {}, note: null, owner: wrong });
  },
});

export const creationTimesGrow = mutation({
  args: {},
  handler: async (ctx) => {
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const id = await ctx.db.insert("rows", { label: String(i) });
      times.push((await ctx.db.get(id))!._creationTime);
    }
    return times.every((time, i) => i === 0 || time > times[i - 1]!);
  },
});
