// What people have asked for and a run of the engine does: imports, exports and generations of projects; for the reaper.
import { v } from "convex/values";
import { find } from "../model/access.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { NEVER_DUE } from "../model/outbox.ts";
import { eventOf } from "../model/transfers.ts";

const MAX_TRANSFERS = 100;
const MAX_GENERATIONS = 20; // up to 300 kB each

const which = { kind: v.union(v.literal("transfer"), v.literal("generation")), requestId: v.string() };

const openRequest = v.object({
  ...which,
  eventId: v.string(), // of what started its run, or will
  isOnItsWay: v.boolean(), // the relay has the event still
});

/** Open ones of which nothing was heard since `before`, the longest silent of each kind first. */
export const stale = systemQuery({
  args: { before: v.number() },
  returns: v.array(openRequest),
  handler: async (ctx, { before }) => {
    const transfers = await ctx.db
      .query("transfers")
      .withIndex("by_status", (q) => q.eq("status", "running").lt("heartbeatAt", before))
      .take(MAX_TRANSFERS);
    const generations = await ctx.db
      .query("projectGenerations")
      .withIndex("by_status", (q) => q.eq("status", "processing").lt("heartbeatAt", before))
      .take(MAX_GENERATIONS);
    const open = [
      ...transfers.map(({ _id }) => ({ kind: "transfer" as const, requestId: _id, eventId: eventOf(_id) })),
      ...generations.map(({ _id }) => ({ kind: "generation" as const, requestId: _id, eventId: _id })),
    ];
    const records = [];
    for (const request of open) {
      const sent = await ctx.db
        .query("outbox")
        .withIndex("by_event", (q) => q.eq("eventId", request.eventId))
        .first();
      records.push({ ...request, isOnItsWay: sent !== null && sent.dueAt !== NEVER_DUE });
    }
    return records;
  },
});

/** Somebody has looked at it: it is left alone for a while. One that is over stays as it is. */
export const confirm = systemMutation({
  args: which,
  returns: v.null(),
  handler: async (ctx, { kind, requestId }) => {
    if (kind === "transfer") {
      const row = await find(ctx, "transfers", requestId);
      if (row?.status === "running") await ctx.db.patch(row._id, { heartbeatAt: Date.now() });
    } else {
      const row = await find(ctx, "projectGenerations", requestId);
      if (row?.status === "processing") await ctx.db.patch(row._id, { heartbeatAt: Date.now() });
    }
    return null;
  },
});
