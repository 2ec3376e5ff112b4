// @vitest-environment edge-runtime
// Events on their way to the engine: due, put off, set aside, swept; and generations that cannot be looked at.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { internal } from "../../convex/_generated/api";
import { api, backend, chat, KEY, send } from "./backend.ts";

const internalKey = KEY;
const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function sent() {
  const b = backend();
  const { conversationId } = await chat(b);
  const { eventId, messageId } = await send(b, conversationId);
  const pending = async () => (await b.t.query(api.system.outbox.pending, { internalKey, limit: 10 })).map((row) => row.eventId);
  const rows = async () => await b.t.run(async (ctx) => await ctx.db.query("outbox").collect());
  return { ...b, eventId, messageId, pending, rows };
}

describe("an event", () => {
  test("that was put off is due again, one that was set aside never", async () => {
    const { t, eventId, pending, rows } = await sent();
    vi.advanceTimersByTime(3_000);
    expect(await pending()).toEqual([eventId]);
    await t.mutation(api.system.outbox.failed, { internalKey, eventId, error: "away" });
    expect(await pending()).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(await pending()).toEqual([eventId]);
    await t.mutation(api.system.outbox.setAside, { internalKey, eventId, error: "bad_event: NUL" });
    vi.advanceTimersByTime(HOUR_MS);
    expect(await pending()).toEqual([]);
    expect(await rows()).toMatchObject([{ eventId, attempts: 2, lastError: "bad_event: NUL" }]);
  });

  test("that was set aside is kept for a week", async () => {
    const { t, eventId, rows } = await sent();
    await t.mutation(api.system.outbox.setAside, { internalKey, eventId, error: "bad" });
    vi.advanceTimersByTime(6 * 24 * HOUR_MS);
    await t.mutation(internal.system.sweep.refusedEvents, {});
    expect((await rows()).length).toBe(1);
    vi.advanceTimersByTime(2 * 24 * HOUR_MS);
    await t.mutation(internal.system.sweep.refusedEvents, {});
    expect(await rows()).toEqual([]);
  });

  test("that waits for the engine is not swept, however old", async () => {
    const { t, rows } = await sent();
    vi.advanceTimersByTime(30 * 24 * HOUR_MS);
    await t.mutation(internal.system.sweep.refusedEvents, {});
    expect((await rows()).length).toBe(1);
  });
});

describe("a generation", () => {
  test("that was set aside is silent anew only later", async () => {
    const { t, messageId } = await sent();
    const stale = async () => (await t.query(api.system.generations.stale, { internalKey, before: Date.now(), limit: 10 })).length;
    vi.advanceTimersByTime(60_000);
    expect(await stale()).toBe(1);
    await t.mutation(api.system.generations.setAside, { internalKey, messageId });
    expect(await stale()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(await stale()).toBe(1);
  });
});
