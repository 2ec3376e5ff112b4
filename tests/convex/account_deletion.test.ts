// @vitest-environment edge-runtime
// An account is deleted, with a row of it in every table, and nothing is left but what is other people's.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { internal } from "../../convex/_generated/api";
import { ANN, api, type Backend, backend, BOB, chat, KEY, refusal, send } from "./backend.ts";
import { everything, seed, TABLES } from "./seeded.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const key = { internalKey: KEY };

/** What the relay does: whatever is due has reached the engine. */
async function relay({ t }: Backend): Promise<string[]> {
  vi.advanceTimersByTime(60_000);
  const due = await t.query(api.system.outbox.pending, { ...key, limit: 500 });
  await t.mutation(api.system.outbox.ack, { ...key, eventIds: due.map((event) => event.eventId) });
  return due.map((event) => event.name);
}

/** What the job does. */
async function remove(b: Backend, deletionId: string): Promise<void> {
  while ((await b.t.mutation(api.system.account_deletion.removeProjects, { ...key, deletionId })).hasMore);
  await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
  await relay(b);
  expect(await b.t.query(api.system.account_deletion.areEmptied, { ...key, deletionId })).toBe(true);
  while ((await b.t.mutation(api.system.account_deletion.removeRows, { ...key, deletionId })).hasMore);
  expect(await b.t.mutation(api.system.account_deletion.finish, { ...key, deletionId })).toBe(true);
}

const request = async ({ t }: Backend) => await t.mutation(api.system.account_deletion.request, { ...key, ownerId: ANN });

describe("a deleted account", () => {
  test("leaves no row, no blob and no id in any table, and other people's as they are", async () => {
    const b = backend();
    const bobs = await seed(b, BOB, "of Bob");
    const before = await everything(b);
    const anns = await seed(b, ANN, "of Ann");
    const full = await everything(b);
    for (const table of TABLES) if (table !== "accountDeletions") expect([table, full[table]?.length]).toEqual([table, 2]);

    const { deletion, events } = await request(b);
    expect(events).toMatchObject([{ name: "account/deletion.requested", userId: "", data: { deletionId: deletion.deletionId } }]);
    await remove(b, deletion.deletionId);

    const left = await everything(b);
    left.outbox = left.outbox?.filter((row) => !row.includes("account/deletion")) ?? [];
    const traces = ["of Ann", `"${ANN}"`, ...Object.values(anns).map((id) => `"${id}"`)];
    for (const [table, rows] of Object.entries(left)) {
      for (const trace of traces)
        expect(
          rows.filter((row) => row.includes(trace)),
          `${trace} in ${table}`,
        ).toEqual([]);
    }
    before.outbox = []; // the relay has had it
    expect(left).toEqual(before);
    expect(Object.keys(bobs).length).toBe(TABLES.length - 1);
  }, 60_000);

  test("is one deletion however often it is asked for, and begins anew afterwards", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    await send(b, conversationId);
    const { deletion } = await request(b);
    expect((await request(b)).events).toEqual([]);
    expect((await request(b)).deletion.deletionId).toBe(deletion.deletionId);
    vi.advanceTimersByTime(61_000); // its run may have failed for good
    const again = await request(b);
    expect(again.deletion.deletionId).toBe(deletion.deletionId);
    expect(again.events.length).toBe(1);
    await remove(b, deletion.deletionId);
    expect(await b.t.query(api.system.account.about, { ...key, ownerId: ANN })).toEqual({ storageBytes: 0 });
    await remove(b, deletion.deletionId); // a part that is done twice
    await chat(b);
    expect((await b.ann.query(api.projects.get, {})).length).toBe(1);
  });

  test("is asked for again where its run was lost, and not before", async () => {
    const b = backend();
    await chat(b);
    const { deletion } = await request(b);
    await relay(b);
    await b.t.mutation(internal.system.sweep.lostDeletions, {});
    expect(await relay(b)).toEqual([]);
    vi.advanceTimersByTime(3_600_000);
    await b.t.mutation(internal.system.sweep.lostDeletions, {});
    await b.t.mutation(internal.system.sweep.lostDeletions, {});
    expect(await relay(b)).toEqual(["account/deletion.requested"]);
    await remove(b, deletion.deletionId);
    await b.t.mutation(internal.system.sweep.lostDeletions, {});
    expect(await relay(b)).toEqual([]);
  });

  test("takes nothing in while it goes", async () => {
    const b = backend();
    await chat(b);
    await request(b);
    const own = { ...key, ownerId: ANN };
    const account = { ...own, login: "ann", sealed: "s" };
    const begun = [
      () => b.ann.mutation(api.projects.create, { name: "New" }),
      () => b.ann.mutation(api.users.getOrCreateUser, {}),
      () => b.t.mutation(api.system.projects.create, { ...own, name: "New", externalId: "n" }),
      () => b.t.mutation(api.system.accounts.connect, account),
    ];
    for (const one of begun) expect((await refusal(one())).code).toBe("account_being_deleted");
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 };
    await b.t.mutation(api.system.usage.count, { ...own, model: "m", usage, key: "k" });
    expect((await everything(b)).usageDays).toEqual([]);
    await b.bob.mutation(api.projects.create, { name: "Bob's" });
  });

  test("waits for what is on its way to the engine", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    await send(b, conversationId);
    const { deletionId } = (await request(b)).deletion;
    await b.t.mutation(api.system.account_deletion.removeProjects, { ...key, deletionId });
    await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
    expect(await b.t.query(api.system.account_deletion.areEmptied, { ...key, deletionId })).toBe(false);
    expect(await b.t.mutation(api.system.account_deletion.finish, { ...key, deletionId })).toBe(false);
    expect((await relay(b)).sort()).toEqual(["account/deletion.requested", "message/cancelled", "message/sent"]);
    expect(await b.t.query(api.system.account_deletion.areEmptied, { ...key, deletionId })).toBe(true);
  });
});
