// @vitest-environment edge-runtime
// What was used of models, by day: counted once, kept when an answer fails, shown to the owner only.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ANN, api, begin, type Backend, BOB, complete, fail, KEY, refusal, USAGE } from "./backend.ts";
import { cancel, running } from "./running.ts";

const DAY = "2026-11-28";
const ONE = { from: DAY, to: DAY, groupBy: "day" as const };

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(new Date(`${DAY}T23:59:00Z`));
});
afterEach(() => {
  vi.useRealTimers();
});

type Running = Awaited<ReturnType<typeof running>>;
type Lease = Pick<Running, "messageId" | "epoch">;

async function record({ t }: Backend, { messageId, epoch }: Lease, turn: number, costUsd?: number, model = "test/one") {
  const usage = { ...USAGE, cacheReadTokens: 3, cacheWriteTokens: 2, costUsd };
  const made = { turn, parts: [], stopReason: "end", model, usage, droppedCalls: [] };
  return await t.mutation(api.system.streaming.recordTurn, { internalKey: KEY, messageId, epoch, turn: made, toolCalls: [] });
}

const turn = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 3, cacheWriteTokens: 2 };
const twice = { inputTokens: 20, outputTokens: 10, cacheReadTokens: 6, cacheWriteTokens: 4 };

describe("what is counted", () => {
  test("a turn recorded twice counts once", async () => {
    const site = await running();
    expect((await record(site.b, site, 0, 0.25)).isNew).toBe(true);
    expect((await record(site.b, site, 0, 0.25)).isNew).toBe(false);
    const used = await site.b.ann.query(api.usage.summary, ONE);
    const all = { ...turn, requests: 1, unpriced: 0, costMicros: 250_000 };
    expect(used).toEqual({ total: all, groups: [{ ...all, day: DAY }] });
  });

  test("an answer that failed and one that was cancelled count, and a retry counts besides", async () => {
    const site = await running();
    const { b, messageId, conversationId } = site;
    await record(b, site, 0, 0.25);
    await fail(b, messageId);
    await b.t.mutation(api.system.messages.retry, { internalKey: KEY, ownerId: ANN, messageId, policy: "cancel", externalId: "again" });
    await record(b, { messageId, epoch: (await begin(b, messageId)).epoch }, 0, 0.25);
    await cancel(b, messageId);
    const scope = { ...ONE, conversationId };
    const { total } = await b.ann.query(api.usage.summary, scope);
    expect(total).toEqual({ ...twice, requests: 2, unpriced: 0, costMicros: 500_000 });
  });

  test("a cost is of the requests whose price is known, and says how many those are not", async () => {
    const site = await running();
    await record(site.b, site, 0);
    expect((await site.b.ann.query(api.usage.summary, ONE)).total).toEqual({ ...turn, requests: 1, unpriced: 1 });
    await record(site.b, site, 1, 0);
    expect((await site.b.ann.query(api.usage.summary, ONE)).total).toMatchObject({ requests: 2, unpriced: 1, costMicros: 0 });
  });

  test("a summary counts once, and what the end says beyond what was recorded", async () => {
    const site = await running();
    const { b, messageId, epoch } = site;
    const condensed = { turn: 0, beforeOrder: 0, turns: 0, text: "All.", model: "test/one", usage: { ...USAGE, costUsd: 0.1 } };
    await b.t.mutation(api.system.streaming.condense, { internalKey: KEY, messageId, epoch, condensed });
    await b.t.mutation(api.system.streaming.condense, { internalKey: KEY, messageId, epoch, condensed });
    await record(b, site, 0, 0.2);
    expect((await b.ann.query(api.usage.summary, ONE)).total).toMatchObject({ requests: 2, inputTokens: 20, costMicros: 300_000 });
    const usage = { inputTokens: 27, outputTokens: 11, cacheReadTokens: 3, cacheWriteTokens: 2, costUsd: 0.35 };
    const end = { internalKey: KEY, messageId, epoch, text: "Done.", model: "test/one", usage };
    await b.t.mutation(api.system.streaming.complete, end);
    await b.t.mutation(api.system.streaming.complete, end);
    expect((await b.ann.query(api.usage.summary, ONE)).total).toEqual({
      ...usage,
      costUsd: undefined,
      requests: 3,
      unpriced: 0,
      costMicros: 350_000,
    });
  });

  test("an end that says what was recorded adds nothing", async () => {
    const site = await running();
    const { b, messageId, epoch } = site;
    await record(b, site, 0, 0.1);
    await record(b, site, 1, 0.2);
    const usage = { ...twice, costUsd: 0.3 };
    await b.t.mutation(api.system.streaming.complete, { internalKey: KEY, messageId, epoch, text: "Done.", model: "test/one", usage });
    expect((await b.ann.query(api.usage.summary, ONE)).total).toMatchObject({ requests: 2, costMicros: 300_000 });
  });
});

describe("what is shown", () => {
  test("days in order, models and projects by what they cost", async () => {
    const site = await running();
    const { b, projectId } = site;
    await record(b, site, 0, 0.1, "test/one");
    vi.setSystemTime(new Date("2026-11-29T00:01:00Z"));
    await record(b, site, 1, 0.2, "test/two");
    const range = { from: "2026-11-28", to: "2026-11-29" };
    const byDay = await b.ann.query(api.usage.summary, { ...range, groupBy: "day" });
    expect(byDay.groups.map((group) => [group.day, group.costMicros])).toEqual([
      ["2026-11-28", 100_000],
      ["2026-11-29", 200_000],
    ]);
    const byModel = await b.ann.query(api.usage.summary, { ...range, groupBy: "model", projectId });
    expect(byModel.groups.map((group) => group.model)).toEqual(["test/two", "test/one"]);
    const byProject = await b.ann.query(api.usage.summary, { ...range, groupBy: "project" });
    expect(byProject.groups).toEqual([{ ...byProject.total, projectId, projectName: "Shop" }]);
    const second = await b.ann.query(api.usage.summary, { from: "2026-11-29", to: "2026-11-29", groupBy: "model" });
    expect(second.total.costMicros).toBe(200_000);
  });

  test("nothing used is nothing, not an error", async () => {
    const { b } = await running();
    const none = await b.ann.query(api.usage.summary, ONE);
    expect(none.total).toMatchObject({ requests: 0, unpriced: 0, costMicros: 0 });
    expect(none.groups).toEqual([]);
  });

  test("a stranger sees nothing of it", async () => {
    const site = await running();
    const { b, projectId, conversationId } = site;
    await record(b, site, 0, 0.1);
    expect((await b.bob.query(api.usage.summary, ONE)).groups).toEqual([]);
    for (const scope of [{ projectId }, { conversationId }, { projectId, conversationId }]) {
      expect((await refusal(b.bob.query(api.usage.summary, { ...ONE, ...scope }))).kind).toBe("not_found");
    }
    expect((await refusal(b.t.query(api.usage.summary, ONE))).message).toBe("Unauthorized");
  });

  test.each([
    ["2026-11-28", "2026-11-27"],
    ["2026-02-30", "2026-03-01"],
    ["2026-1-1", "2026-01-02"],
    ["yesterday", "2026-11-28"],
    ["2025-11-27", "2026-11-28"],
    ["", ""],
  ])("the range %s to %s is refused", async (from, to) => {
    const { b } = await running();
    expect((await refusal(b.ann.query(api.usage.summary, { from, to, groupBy: "day" }))).code).toBe("bad_range");
  });

  test("a whole leap year is not", async () => {
    const { b } = await running();
    await b.ann.query(api.usage.summary, { from: "2027-12-31", to: "2028-12-30", groupBy: "day" });
  });
});

test("a project that is deleted leaves what its days cost, and nothing by message", async () => {
  const site = await running();
  const { b, projectId, messageId, epoch } = site;
  await record(b, site, 0, 0.1);
  await complete(b, messageId, epoch, "Done.");
  await b.ann.mutation(api.projects.deleteProject, { id: projectId });
  await b.t.finishAllScheduledFunctions(vi.runAllTimers);
  await b.t.run(async (ctx) => {
    expect(await ctx.db.query("usageRecords").collect()).toEqual([]);
    expect(await ctx.db.query("projects").collect()).toEqual([]);
  });
  const { groups } = await b.ann.query(api.usage.summary, { ...ONE, groupBy: "project" });
  expect(groups).toMatchObject([{ projectId, costMicros: 100_000 }]);
  expect(groups[0]).not.toHaveProperty("projectName");
});

describe("a small call beside answers", () => {
  const call = { ownerId: ANN, model: "test/small", usage: { ...USAGE, costUsd: 0.001 }, internalKey: KEY };
  const one = { ...only(USAGE), cacheReadTokens: 0, cacheWriteTokens: 0, requests: 1, unpriced: 0, costMicros: 1_000 };

  function only({ inputTokens, outputTokens }: typeof USAGE) {
    return { inputTokens, outputTokens };
  }

  test("counts once for its key, for the day and its project", async () => {
    const { b, projectId } = await running();
    for (const key of ["k1", "k1", "k2", "k1"]) await b.t.mutation(api.system.usage.count, { ...call, projectId, key });
    const { total, groups } = await b.ann.query(api.usage.summary, { ...ONE, groupBy: "project" });
    expect(total).toMatchObject({ requests: 2, costMicros: 2_000 });
    expect(groups).toMatchObject([{ projectId, requests: 2 }]);
  });

  test("counts with the conversation that it is for, and goes with it", async () => {
    const { b, projectId, conversationId } = await running();
    await b.t.mutation(api.system.usage.count, { ...call, conversationId, key: "k1" });
    await b.t.mutation(api.system.usage.count, { ...call, conversationId, key: "k1" });
    expect((await b.ann.query(api.usage.summary, { ...ONE, conversationId })).total).toMatchObject(one);
    expect((await b.ann.query(api.usage.summary, { ...ONE, projectId })).total).toMatchObject(one);
    await b.ann.mutation(api.conversations.remove, { id: conversationId });
    await b.t.finishAllScheduledFunctions(vi.runAllTimers);
    expect(await b.t.run(async (ctx) => await ctx.db.query("usageRecords").collect())).toEqual([]);
    expect((await b.ann.query(api.usage.summary, ONE)).total).toMatchObject(one);
  });

  test.each(["nobody", "nothing", undefined])("counts for its person where it names %s's project, or none", async (whose) => {
    const { b, projectId, conversationId } = await running();
    const ownerId = whose === "nobody" ? BOB : ANN;
    const named = whose === "nobody" ? { projectId, conversationId } : { projectId: whose };
    for (const key of ["k1", "k2", "k1"]) await b.t.mutation(api.system.usage.count, { ...call, ownerId, ...named, key });
    const them = whose === "nobody" ? b.bob : b.ann;
    const { total, groups } = await them.query(api.usage.summary, { ...ONE, groupBy: "project" });
    expect(total).toMatchObject({ requests: 2 });
    expect(groups).toEqual([total]);
    expect((await b.ann.query(api.usage.summary, { ...ONE, conversationId })).total.requests).toBe(0);
  });
});
