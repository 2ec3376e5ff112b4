// The dashboard's pure parts: pages of a list that grows, words for flow control and times, plots.
import { expect, test } from "vitest";
import { cancelWords, flowWords, retryWords, triggerWords } from "../../web/src/runs/job-words.ts";
import type { Job } from "../../web/src/runs/jobs-wire.ts";
import { withNewest, withOlder } from "../../web/src/runs/pages.ts";
import { blocksOf, lineOf, topOf } from "../../web/src/runs/plot.ts";
import { RUNS } from "../../web/src/runs/use-runs.ts";
import { pathOf, type Run, runIdOf, type Step } from "../../web/src/runs/wire.ts";
import { duration, failureWords, holdWords, stepAside, stepWords, takenBy } from "../../web/src/runs/words.ts";

const run = (createdAt: number, status: Run["status"] = "completed"): Run => ({
  runId: `r${createdAt}`,
  jobId: "job",
  eventId: "e",
  status,
  createdAt,
});
const ids = ({ rows }: { rows: readonly Run[] }) => rows.map(({ runId }) => runId);
const NOTHING = { rows: [] };

test("new runs come in at the top, what was read further down stays, each once", () => {
  const first = withNewest(RUNS, { rows: [run(9), run(8)], nextCursor: "8" }, NOTHING);
  const more = withOlder(RUNS, { rows: [run(7), run(6)], nextCursor: "6" }, first);
  const grown = withNewest(RUNS, { rows: [run(10), run(9)], nextCursor: "9" }, more);
  expect(ids(grown)).toEqual(["r10", "r9", "r8", "r7", "r6"]);
  expect(grown.next).toBe("6");
  expect(ids(withOlder(RUNS, { rows: [run(6), run(5)] }, grown))).toEqual(["r10", "r9", "r8", "r7", "r6", "r5"]);
});

test("a run that no longer fits the filter leaves the newest page; its new state replaces the old", () => {
  const known = withNewest(RUNS, { rows: [run(9, "running"), run(8, "running")], nextCursor: "8" }, NOTHING);
  expect(ids(withNewest(RUNS, { rows: [run(8, "running")], nextCursor: "8" }, known))).toEqual(["r8"]);
  expect(withNewest(RUNS, { rows: [run(9, "failed"), run(8, "running")], nextCursor: "8" }, known).rows[0]?.status).toBe("failed");
  expect(withNewest(RUNS, { rows: [] }, known)).toEqual({ rows: [], next: undefined });
});

test("an id with colons, slashes and percents comes back from its address", () => {
  for (const id of ["job:a", "job:a/b:c d", "50%:100%", "ü?x#y"]) expect(runIdOf(pathOf(id))).toBe(id);
  expect(runIdOf("/runs/50%")).toBe("50%");
});

test("times are short and never wrong by a unit", () => {
  const said = [0, 999, 1_000, 59_949, 59_950, 60_000, 3_599_400, 3_599_600, 7_800_000, 172_800_000 + 3_600_000].map(duration);
  expect(said).toEqual(["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min", "1 min", "59 min 59 s", "1 h", "2 h 10 min", "2 d 1 h"]);
});

test("a failure names its class, its code and, where one may see it, its text", () => {
  expect(failureWords({ name: "BudgetSpent" })).toBe("BudgetSpent");
  expect(failureWords({ name: "BudgetSpent", code: "model_budget_spent", message: "no credit" })).toBe(
    "BudgetSpent (model_budget_spent): no credit",
  );
});

test("a hold says why and under which key", () => {
  expect(holdWords({ reason: "concurrency", keys: ["fn:a"] })).toBe("Others hold all places of its concurrency limit (fn:a).");
  expect(holdWords({ reason: "something new" })).toBe("something new.");
});

test("a wait says how it ended, a step how often it was tried", () => {
  const wait: Step = { stepId: "w", kind: "wait_for_event", status: "completed", endedBy: "timeout", tries: [{}] };
  expect(stepWords(wait)).toBe("Wait for an event, completed, nothing came in time");
  expect(stepAside(wait)).toBe("Wait for an event, nothing came in time");
  const flaky: Step = { stepId: "f", status: "failed", tries: [{ error: { name: "E" } }, { error: { name: "E" } }] };
  expect(stepWords(flaky)).toBe("Step, failed, 2 attempts");
});

test("a turn says what it took, a run what its turns took together", () => {
  const none = { cacheReadTokens: 0, cacheWriteTokens: 0 };
  const turn: Step = {
    stepId: "turn-0",
    kind: "run",
    status: "completed",
    tries: [{}],
    usage: { ...none, inputTokens: 1_200, outputTokens: 30, costUsd: 0.02 },
  };
  const unpriced: Step = { ...turn, usage: { ...none, inputTokens: 1, outputTokens: 2, cacheReadTokens: 4 } };
  const tool: Step = { stepId: "tool-0", kind: "run", status: "completed", tries: [{}] };
  expect(stepWords(turn)).toBe("Step, completed, 1.2k in, 30 out, $0.02");
  const of = (...steps: Step[]) => takenBy({ ...run(9), steps, children: [] });
  expect(of(turn, tool, unpriced)).toEqual({
    inputTokens: 1_201,
    outputTokens: 32,
    cacheReadTokens: 4,
    cacheWriteTokens: 0,
    costUsd: 0.02,
  });
  expect(of(unpriced)?.costUsd).toBe(undefined);
  expect(of(tool)).toBe(undefined);
});

test("every kind of flow control is a sentence; a word that is not known yet is shown as it is", () => {
  const job: Job = {
    jobId: "job",
    events: [{ event: "a/b", when: "event.data.n > 1" }],
    crons: [],
    cancelOn: [{ event: "a/c", match: "data.id", timeoutS: 60 }],
    concurrency: [
      { limit: 1, key: "event.data.id", scope: "fn", counts: "runs" },
      { limit: 5, scope: "env", counts: "steps" },
    ],
    retries: 2,
    handlesFailure: true,
    flow: {
      throttle: { limit: 3, periodS: 60, burst: 2, key: "event.user.id" },
      rateLimit: { limit: 1, periodS: 1 },
      debounce: { periodS: 5, timeoutS: 30 },
      batch: { maxSize: 10, timeoutS: 2 },
      singleton: { mode: "cancel" },
      timeouts: { startS: 10, finishS: 20 },
      priority: "event.data.p",
      idempotency: "event.id",
      fairness: "event.user.id",
      novelty: { x: 1 },
    },
  };
  expect(triggerWords(job)).toEqual(["a/b when event.data.n > 1"]);
  expect(flowWords(job)).toEqual([
    "1 run at a time for each event.data.id",
    "5 steps at a time over all jobs of env",
    "starts at most 3 every 1 min for each event.user.id, 2 at once; more wait their turn",
    "at most 1 every 1.0 s; events beyond that start nothing",
    "waits until nothing has come for 5.0 s, 30.0 s at most; the last event counts",
    "one run for up to 10 events, or what came within 2.0 s",
    "one run at a time; a new one cancels the one that runs",
    "cancelled where not started within 10.0 s or not over within 20.0 s",
    "goes ahead of others by event.data.p seconds",
    "one run in 24 hours for each event.id",
    "runs take turns by event.user.id",
    'novelty: {"x":1}',
  ]);
  expect(retryWords(job)).toBe("a step is tried 3 times; its own code handles the failure then");
  expect(cancelWords(job)).toEqual(["a/c with the same data.id, within 1 min"]);
});

test("plots: bars stand on one another within their frame, a line breaks where nothing is known", () => {
  expect([0, 0.3, 1, 7, 11, 340].map(topOf)).toEqual([1, 0.5, 1, 10, 20, 500]);
  const rows = [
    [1, 0, 2],
    [1, 3, 0],
  ];
  const upper = blocksOf(rows, 1, 4);
  expect(upper.map(({ y, height }) => [y, height])).toEqual([
    [50, 25],
    [25, 75],
  ]);
  expect(lineOf([1, undefined, 2, 2], 2)).toBe("M0 50H25M50 0H75L75 0H100");
});
