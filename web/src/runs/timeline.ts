// A run on its time line: a row for the run and for each step, bars in pieces, and the part of the time that is seen. Pure.
import { hasEnded, type Kind, type RunDetail, type Step } from "./wire.ts";

/** What a stretch of time was: waiting to start, an attempt that did its work or failed, the time between two, a sleep or a wait. */
export type Piece = "queued" | "work" | "failed" | "between" | "sleep" | "wait" | "child" | "cut" | "ahead";

export interface Segment {
  readonly piece: Piece;
  readonly from: number;
  readonly to: number;
}

export interface Row {
  readonly key: string; // "" is the run itself
  readonly name: string;
  readonly kind: Kind | "whole" | undefined;
  readonly step?: Step;
  readonly segments: readonly Segment[];
  readonly from: number;
  readonly to: number;
  readonly isOpen: boolean;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The latest moment that the run itself knows of, or `now`, whichever is later: a browser's clock may be behind. */
export function latestOf(run: RunDetail, now: number): number {
  if (hasEnded(run) && run.endedAt !== undefined) return run.endedAt;
  let latest = Math.max(now, run.createdAt, run.startedAt ?? 0);
  for (const { tries } of run.steps) {
    for (const each of tries) latest = Math.max(latest, each.startedAt ?? 0, each.endedAt ?? 0);
  }
  return latest;
}

/** A row for the run, then one for each step in the order of the answer. What is open ends at `now`. */
export function rowsOf(run: RunDetail, now: number): readonly Row[] {
  const latest = latestOf(run, now);
  return [wholeOf(run, latest), ...run.steps.map((step, at) => stepRow(step, at, run, latest))];
}

function wholeOf(run: RunDetail, latest: number): Row {
  const started = run.startedAt ?? (hasEnded(run) ? undefined : latest);
  const to = Math.max(run.createdAt, run.endedAt ?? latest);
  const begun = Math.min(to, Math.max(run.createdAt, started ?? to));
  const queued: Segment[] = begun > run.createdAt ? [{ piece: "queued", from: run.createdAt, to: begun }] : [];
  const piece = run.status === "failed" ? "failed" : run.status === "cancelled" ? "cut" : "work";
  const worked: Segment[] = run.startedAt === undefined ? [] : [{ piece, from: begun, to }];
  return {
    key: "",
    name: run.jobId,
    kind: "whole",
    segments: [...queued, ...worked],
    from: run.createdAt,
    to,
    isOpen: !hasEnded(run),
  };
}

const PIECES: Readonly<Record<Kind, Piece>> = {
  run: "work",
  sleep: "sleep",
  wait_for_event: "wait",
  wait_for_signal: "wait",
  invoke: "child",
  send_event: "work",
  race: "wait",
};

function stepRow(step: Step, at: number, run: RunDetail, latest: number): Row {
  const isOpen = step.endedAt === undefined && !hasEnded(run);
  const piece = step.kind === undefined ? "work" : PIECES[step.kind];
  const segments: Segment[] = [];
  let reached = step.startedAt ?? step.tries[0]?.startedAt ?? run.startedAt ?? run.createdAt;
  const from = reached;
  for (const each of step.tries) {
    const begun = Math.max(reached, each.startedAt ?? reached);
    const over = Math.max(begun, each.endedAt ?? step.endedAt ?? latest);
    if (begun > reached) segments.push({ piece: "between", from: reached, to: begun });
    const isCut = step.status === "interrupted" && each === step.tries.at(-1);
    segments.push({ piece: each.error !== undefined ? "failed" : isCut ? "cut" : piece, from: begun, to: over });
    reached = over;
  }
  if (step.status === "retrying" && isOpen && latest > reached) {
    segments.push({ piece: "between", from: reached, to: latest });
    reached = latest;
  }
  const due = isOpen && step.until !== undefined && step.until > reached ? step.until : undefined;
  if (due !== undefined) segments.push({ piece: "ahead", from: reached, to: due });
  return { key: `${at} ${step.stepId}`, name: nameOf(step), kind: step.kind, step, segments, from, to: reached, isOpen };
}

/** A call goes by its tool: its id tells people nothing. */
function nameOf({ stepId, tool }: Step): string {
  if (tool !== undefined) return stepId.startsWith("tool-") ? tool : `${stepId.slice(0, stepId.indexOf("-"))} ${tool}`;
  return stepId === "" ? "(between two steps)" : stepId;
}

/** From the first moment to the last; what lies ahead is seen as far as half of what has been. */
export function wholeSpan(rows: readonly Row[]): Span {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) [from, to] = [Math.min(from, row.from), Math.max(to, row.to)];
  if (!(to > from)) return { from: Number.isFinite(from) ? from : 0, to: (Number.isFinite(from) ? from : 0) + 1 };
  let ahead = to;
  for (const { segments } of rows) ahead = Math.max(ahead, segments.at(-1)?.to ?? to);
  return { from, to: Math.min(ahead, to + (to - from) / 2) };
}

/** Where a segment stands in what is seen, in percent; null where it is out of sight. */
export function placed({ from, to }: Span, seen: Span): { left: number; width: number } | null {
  if (to < seen.from || from > seen.to) return null;
  const width = seen.to - seen.from;
  const left = Math.max(0, from - seen.from) / width;
  const right = Math.min(width, to - seen.from) / width;
  return { left: left * 100, width: Math.max(0, right - left) * 100 };
}

const SHORTEST_MS = 1;

/** `seen`, `factor` times as long (below 1: nearer), around the share `at` of it; never beyond the whole. */
export function zoomed(seen: Span, whole: Span, factor: number, at = 0.5): Span {
  const length = Math.min(whole.to - whole.from, Math.max(SHORTEST_MS, (seen.to - seen.from) * factor));
  const from = seen.from + (seen.to - seen.from - length) * at;
  return within({ from, to: from + length }, whole);
}

/** The same around a moment, which comes to the middle. */
export function zoomedTo(seen: Span, whole: Span, factor: number, moment: number): Span {
  const half = (seen.to - seen.from) / 2;
  return zoomed({ from: moment - half, to: moment + half }, whole, factor);
}

/** `seen`, moved by a share of its length. */
export function moved(seen: Span, whole: Span, share: number): Span {
  const by = (seen.to - seen.from) * share;
  return within({ from: seen.from + by, to: seen.to + by }, whole);
}

/** The part between two shares of the whole, in whichever order. */
export function brushed(whole: Span, one: number, other: number): Span {
  const [low, high] = [Math.min(one, other), Math.max(one, other)].map((share) => Math.min(1, Math.max(0, share))) as [number, number];
  const length = whole.to - whole.from;
  const from = whole.from + length * low;
  return within({ from, to: Math.max(from + Math.min(SHORTEST_MS, length), whole.from + length * high) }, whole);
}

function within({ from, to }: Span, whole: Span): Span {
  const length = Math.min(to - from, whole.to - whole.from);
  const begin = Math.min(Math.max(from, whole.from), whole.to - length);
  return { from: begin, to: begin + length };
}

/** Moments for the ruler, `most` of them, at 1, 2 or 5 times a power of ten (or parts of a minute, an hour), from the run's start. */
export function ticksOf(seen: Span, zero: number, most: number): readonly number[] {
  const least = (seen.to - seen.from) / Math.max(1, most);
  const step = STEPS.find((each) => each >= least) ?? Math.ceil(least / DAY) * DAY;
  const ticks: number[] = [];
  for (let at = zero + Math.ceil((seen.from - zero) / step) * step; at <= seen.to && ticks.length <= most; at += step) ticks.push(at);
  return ticks;
}

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000] as const;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 20, 30].map((each) => each * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((each) => each * MINUTE),
  ...[1, 2, 6, 12].map((each) => each * HOUR),
  DAY,
];
