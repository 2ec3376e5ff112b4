// Events on their way to the engine, for the relay.
import { v } from "convex/values";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { NEVER_DUE } from "../model/outbox.ts";
import { outboxRecord, toOutbox } from "../model/records.ts";

const LONGEST_PAUSE_MS = 60_000;

export const pending = systemQuery({
  args: { limit: v.number() },
  returns: v.array(outboxRecord),
  handler: async (ctx, { limit }) => {
    const rows = await ctx.db
      .query("outbox")
      .withIndex("by_due", (q) => q.lte("dueAt", Date.now()))
      .take(Math.max(1, Math.min(limit, 500)));
    return rows.map(toOutbox);
  },
});

export const ack = systemMutation({
  args: { eventIds: v.array(v.string()) },
  returns: v.null(),
  handler: async (ctx, { eventIds }) => {
    for (const eventId of eventIds.slice(0, 500)) {
      const row = await ctx.db
        .query("outbox")
        .withIndex("by_event", (q) => q.eq("eventId", eventId))
        .unique();
      if (row !== null) await ctx.db.delete(row._id);
    }
    return null;
  },
});

export const failed = systemMutation({
  args: { eventId: v.string(), error: v.string() },
  returns: v.null(),
  handler: async (ctx, { eventId, error }) => {
    const row = await ctx.db
      .query("outbox")
      .withIndex("by_event", (q) => q.eq("eventId", eventId))
      .unique();
    if (row === null) return null;
    const pauseMs = Math.min(1_000 * 2 ** row.attempts, LONGEST_PAUSE_MS);
    await ctx.db.patch(row._id, {
      attempts: row.attempts + 1,
      dueAt: Date.now() + pauseMs,
      lastError: error.slice(0, 500),
    });
    return null;
  },
});

/** The engine will never take it: the row stays to be looked at until it is swept, and is never due. */
export const setAside = systemMutation({
  args: { eventId: v.string(), error: v.string() },
  returns: v.null(),
  handler: async (ctx, { eventId, error }) => {
    const row = await ctx.db
      .query("outbox")
      .withIndex("by_event", (q) => q.eq("eventId", eventId))
      .unique();
    if (row !== null) {
      await ctx.db.patch(row._id, {
        attempts: row.attempts + 1,
        dueAt: NEVER_DUE,
        lastError: error.slice(0, 500),
      });
    }
    return null;
  },
});
