// A run on its time line: whatever the API answers, bars lie in order, within what is seen.
import { expect, test } from "vitest";
import { brushed, latestOf, moved, placed, rowsOf, type Span, ticksOf, wholeSpan, zoomed, zoomedTo } from "../../web/src/runs/timeline.ts";
import type { Kind, RunDetail, Status, Step, StepStatus, Try } from "../../web/src/runs/wire.ts";

const KINDS: readonly (Kind | undefined)[] = [
  "run",
  "sleep",
  "wait_for_event",
  "wait_for_signal",
  "invoke",
  "send_event",
  "race",
  undefined,
];
const OPEN: readonly StepStatus[] = ["running", "retrying", "sleeping", "waiting"];
const OVER: readonly StepStatus[] = ["completed", "failed", "interrupted"];
const RUNS: readonly Status[] = ["queued", "scheduled", "running", "completed", "failed", "cancelled"];
const T = 1_700_000_000_000;
const ROUNDS = 300;

/** Numbers that look random, the same every time. */
function chance(seed: number) {
  let state = seed * 2_654_435_761 + 1;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return state / 2 ** 32;
  };
  return {
    below: (bound: number) => Math.floor(next() * bound),
    one: <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)] as Item,
    maybe: <Item>(make: () => Item): Item | undefined => (next() < 0.5 ? make() : undefined),
  };
}

type Chance = ReturnType<typeof chance>;

function anyTry(at: Chance): Try {
  const startedAt = at.maybe(() => T + at.below(10_000));
  return { startedAt, endedAt: at.maybe(() => T + at.below(20_000)), error: at.maybe(() => ({ name: "Broken" })) } as Try;
}

function anyStep(at: Chance, name: number): Step {
  const isOver = at.below(2) === 0;
  return {
    stepId: `step ${name}`,
    kind: at.one(KINDS),
    status: at.one(isOver ? OVER : OPEN),
    tries: Array.from({ length: at.below(4) }, () => anyTry(at)),
    startedAt: at.maybe(() => T + at.below(10_000)),
    endedAt: isOver ? T + at.below(20_000) : undefined,
    until: at.maybe(() => T + at.below(100_000)),
  } as Step;
}

function anyRun(seed: number): RunDetail {
  const at = chance(seed);
  const status = at.one(RUNS);
  const isOver = ["completed", "failed", "cancelled"].includes(status);
  return {
    runId: "r",
    jobId: "job",
    eventId: "e",
    status,
    createdAt: T + at.below(1_000),
    startedAt: at.maybe(() => T + at.below(10_000)),
    endedAt: isOver ? at.maybe(() => T + at.below(20_000)) : undefined,
    children: [],
    steps: Array.from({ length: at.below(12) }, (_, name) => anyStep(at, name)),
  } as RunDetail;
}

const SEEDS = Array.from({ length: ROUNDS }, (_, seed) => seed);

test("each row's pieces follow one another, none is turned round, and the whole holds all that has been", () => {
  for (const seed of SEEDS) {
    const rows = rowsOf(anyRun(seed), T + 15_000);
    const whole = wholeSpan(rows);
    expect(whole.to).toBeGreaterThan(whole.from);
    for (const row of rows) {
      expect(row.to).toBeGreaterThanOrEqual(row.from);
      expect(whole.from).toBeLessThanOrEqual(row.from);
      expect(whole.to).toBeGreaterThanOrEqual(row.to);
      let reached = row.from;
      for (const { from, to } of row.segments) {
        expect(from).toBeGreaterThanOrEqual(reached);
        expect(to).toBeGreaterThanOrEqual(from);
        reached = to;
      }
    }
  }
});

test("what is open grows with the time, what is over stays", () => {
  for (const seed of SEEDS) {
    const run = anyRun(seed);
    const [before, after] = [rowsOf(run, T + 15_000), rowsOf(run, T + 16_000)];
    for (const [at, row] of before.entries()) {
      if (row.isOpen) expect(after[at]?.to).toBeGreaterThanOrEqual(row.to);
      else if (run.endedAt !== undefined || (row.step?.endedAt ?? undefined) !== undefined) expect(after[at]?.to).toBe(row.to);
    }
  }
});

test("a browser whose clock is behind draws nothing before its start", () => {
  for (const seed of SEEDS) expect(latestOf(anyRun(seed), 0)).toBeGreaterThanOrEqual(T);
});

test("zooming, moving and brushing stay within the whole, and something is always seen", () => {
  for (const seed of SEEDS) {
    const at = chance(seed);
    const whole: Span = { from: T, to: T + 1 + at.below(100_000) };
    let seen = whole;
    for (let turn = 0; turn < 20; turn += 1) {
      const what = at.below(3);
      if (what === 0) seen = zoomed(seen, whole, at.one([0.1, 0.5, 0.8, 1.25, 2, 100]), at.below(101) / 100);
      else if (what === 1) seen = moved(seen, whole, (at.below(400) - 200) / 100);
      else seen = brushed(whole, (at.below(300) - 100) / 100, (at.below(300) - 100) / 100);
      expect(seen.from).toBeGreaterThanOrEqual(whole.from);
      expect(seen.to).toBeLessThanOrEqual(whole.to + 1e-3);
      expect(seen.to).toBeGreaterThan(seen.from);
      const place = placed({ from: T + at.below(100_000), to: T + 100_000 }, seen);
      if (place === null) continue;
      expect(place.left).toBeGreaterThanOrEqual(0);
      expect(place.left + place.width).toBeLessThanOrEqual(100.001);
    }
    expect(placed(whole, whole)).toEqual({ left: 0, width: 100 });
    expect(placed({ from: T - 2, to: T - 1 }, whole)).toBe(null);
  }
});

test("what one points at stays where it is", () => {
  const whole = { from: 0, to: 1_000 };
  const near = zoomed(whole, whole, 0.5, 0.3);
  expect(near.from + (near.to - near.from) * 0.3).toBeCloseTo(300);
  expect(zoomedTo({ from: 0, to: 200 }, whole, 0.5, 700)).toEqual({ from: 650, to: 750 });
  expect(zoomedTo({ from: 0, to: 200 }, whole, 0.5, 990)).toEqual({ from: 900, to: 1_000 });
});

test("the ruler has as many ticks as fit, evenly, all in sight", () => {
  for (const seed of SEEDS) {
    const at = chance(seed);
    const from = T + at.below(1_000_000);
    const seen = { from, to: from + 1 + at.below(10 ** at.below(9)) };
    const ticks = ticksOf(seen, T, 8);
    expect(ticks.length).toBeLessThanOrEqual(9);
    for (const tick of ticks) expect(tick >= seen.from && tick <= seen.to).toBe(true);
    const apart = new Set(ticks.slice(1).map((tick, before) => tick - (ticks[before] ?? 0)));
    expect(apart.size).toBeLessThanOrEqual(1);
  }
});

test("a step that failed twice has its attempts and the times between them; a sleep what lies ahead", () => {
  const error = { name: "Broken" };
  const run: RunDetail = {
    runId: "r",
    jobId: "job",
    eventId: "e",
    status: "running",
    createdAt: 0,
    startedAt: 10,
    children: [],
    steps: [
      {
        stepId: "flaky",
        kind: "run",
        status: "completed",
        startedAt: 10,
        endedAt: 60,
        tries: [
          { startedAt: 10, endedAt: 20, error },
          { startedAt: 30, endedAt: 40, error },
          { startedAt: 50, endedAt: 60 },
        ],
      },
      { stepId: "nap", kind: "sleep", status: "sleeping", startedAt: 60, until: 200, tries: [{ startedAt: 60 }] },
    ],
  };
  const [whole, flaky, nap] = rowsOf(run, 100);
  expect(whole?.segments.map(({ piece }) => piece)).toEqual(["queued", "work"]);
  expect(flaky?.segments.map(({ piece, from, to }) => [piece, from, to])).toEqual([
    ["failed", 10, 20],
    ["between", 20, 30],
    ["failed", 30, 40],
    ["between", 40, 50],
    ["work", 50, 60],
  ]);
  expect(nap?.segments).toEqual([
    { piece: "sleep", from: 60, to: 100 },
    { piece: "ahead", from: 100, to: 200 },
  ]);
  expect(wholeSpan(rowsOf(run, 100))).toEqual({ from: 0, to: 150 });
});

test("a call goes by its tool, what is done around it by both", () => {
  const step = (stepId: string, tool?: string): Step => ({
    stepId,
    ...(tool === undefined ? {} : { tool }),
    kind: "run",
    status: "completed",
    tries: [{}],
  });
  const steps = [step("turn-0"), step("tool-0-call_a-b", "readFile"), step("ask-0-call_c", "executeCommand"), step("")];
  const run: RunDetail = {
    runId: "r",
    jobId: "j",
    eventId: "e",
    status: "completed",
    createdAt: T,
    startedAt: T,
    endedAt: T + 1,
    steps,
    children: [],
  };
  expect(
    rowsOf(run, T)
      .slice(1)
      .map(({ name }) => name),
  ).toEqual(["turn-0", "readFile", "ask executeCommand", "(between two steps)"]);
});
