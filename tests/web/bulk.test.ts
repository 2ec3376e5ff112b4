// Many runs at once: which of them, how many, and what is said of it.
import { expect, test } from "vitest";
import { between, fitting, matching, NOTHING_YET, reportWords } from "../../web/src/runs/bulk.ts";
import { type Counts, type Run, STATUSES } from "../../web/src/runs/wire.ts";

const runs = STATUSES.map((status, at): Run => ({ runId: `r${at}`, jobId: "job", eventId: "e", status, createdAt: 9 - at }));
const ids = (some: readonly Run[]) => some.map(({ runId }) => runId);
const counts: Counts = { total: 21, byStatus: { running: 1, queued: 2, completed: 4, failed: 5, cancelled: 6 }, isSample: false };

test("what has not ended is cancelled, what failed or was cancelled is replayed", () => {
  expect(fitting("cancel", runs).map(({ status }) => status)).toEqual(["running", "queued", "scheduled"]);
  expect(fitting("replay", runs).map(({ status }) => status)).toEqual(["failed", "cancelled"]);
});

test("of all that match, as many are named as the server would take", () => {
  expect(matching("cancel", counts, [])).toBe(3);
  expect(matching("cancel", counts, ["queued", "failed"])).toBe(2);
  expect(matching("replay", counts, [])).toBe(5);
  expect(matching("replay", counts, ["cancelled"])).toBe(6);
  expect(matching("replay", counts, ["completed"])).toBe(0);
});

test("with Shift the runs between two are chosen, in either direction", () => {
  expect(ids(between(runs, "r1", "r3"))).toEqual(["r1", "r2", "r3"]);
  expect(ids(between(runs, "r3", "r1"))).toEqual(["r1", "r2", "r3"]);
  expect(ids(between(runs, "gone", "r2"))).toEqual(["r2"]);
  expect(ids(between(runs, undefined, "gone"))).toEqual([]);
});

test("a report says what was done and what was not", () => {
  expect(reportWords("cancel", { ...NOTHING_YET, done: [{ runId: "a" }] })).toBe("1 run cancelled.");
  expect(reportWords("cancel", { ...NOTHING_YET, left: 2 })).toBe("0 runs cancelled. 2 had ended before.");
  expect(reportWords("replay", { ...NOTHING_YET, left: 1 })).toBe("0 runs replayed. 1 could not be, or had been repeated before.");
});
