// Functions that run later, and the system table that shows them.
import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Id } from "./_generated/dataModel";
import { action, internalAction, internalMutation, mutation, query } from "./_generated/server";

type JobId = Id<"_scheduled_functions">;

export const note = internalMutation({
  args: { key: v.string(), value: v.any() },
  handler: async (ctx, args) => {
    await ctx.db.insert("values", args);
  },
});

export const noteFromAction = internalAction({
  args: { key: v.string() },
  handler: async (ctx, { key }) => {
    await ctx.runMutation(internal.scheduling.note, { key, value: "action" });
  },
});

export const fail = internalMutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("values", { key: "failed", value: 1 });
    throw new Error("scheduled to fail");
  },
});

export const after = mutation({
  args: { key: v.string(), ms: v.number(), value: v.optional(v.any()) },
  handler: async (ctx, { key, ms, value }): Promise<JobId> =>
    ctx.scheduler.runAfter(ms, internal.scheduling.note, { key, value: value ?? null }),
});

export const at = mutation({
  args: { key: v.string(), inMs: v.number() },
  handler: async (ctx, { key, inMs }): Promise<JobId> =>
    ctx.scheduler.runAt(Date.now() + inMs, internal.scheduling.note, { key, value: "at" }),
});

export const actionAfter = mutation({
  args: { key: v.string() },
  handler: async (ctx, { key }): Promise<JobId> => ctx.scheduler.runAfter(0, internal.scheduling.noteFromAction, { key }),
});

export const fromAction = action({
  args: { key: v.string() },
  handler: async (ctx, { key }): Promise<JobId> => ctx.scheduler.runAfter(0, internal.scheduling.note, { key, value: "from an action" }),
});

export const failing = mutation({
  args: {},
  handler: async (ctx): Promise<JobId> => ctx.scheduler.runAfter(0, internal.scheduling.fail, {}),
});

export const thenThrows = mutation({
  args: { key: v.string() },
  handler: async (ctx, { key }) => {
    await ctx.scheduler.runAfter(0, internal.scheduling.note, { key, value: null });
    throw new Error("nothing is scheduled");
  },
});

export const cancel = mutation({
  args: { id: v.id("_scheduled_functions") },
  handler: async (ctx, { id }) => {
    await ctx.scheduler.cancel(id);
  },
});

export const state = query({
  args: { id: v.id("_scheduled_functions") },
  handler: async (ctx, { id }) => {
    const job = await ctx.db.system.get(id);
    return job === null ? null : { kind: job.state.kind, name: job.name, args: job.args, isDone: job.completedTime !== undefined };
  },
});

export const pending = query({
  args: {},
  handler: async (ctx) => {
    const jobs = await ctx.db.system.query("_scheduled_functions").collect();
    return jobs.filter((job) => job.state.kind === "pending").length;
  },
});
