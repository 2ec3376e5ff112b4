// What is done to many runs at once: which of them it can be done to, and what came of it. Pure.
import { type Counts, hasEnded, type Run, type Status, STATUSES } from "./wire.ts";

export type Verb = "cancel" | "replay";

export interface Refusal {
  readonly runId: string;
  readonly why: string;
}

/** What became of the runs; those that are in none of the lists had ended, or been repeated, before. */
export interface Report {
  readonly done: readonly { readonly runId: string; readonly newRunId?: string }[];
  readonly refused: readonly Refusal[];
  readonly left: number;
}

export const NOTHING_YET: Report = { done: [], refused: [], left: 0 };

/** The chosen runs that can be cancelled, or replayed. */
export function fitting(verb: Verb, runs: readonly Run[]): readonly Run[] {
  return runs.filter((run) => (verb === "cancel" ? !hasEnded(run) : run.status === "failed" || run.status === "cancelled"));
}

/** How many of all that match it is about, as the server takes it: cancelled runs are replayed only where their status is asked for. */
export function matching(verb: Verb, counts: Counts, asked: readonly string[]): number {
  const canBe: readonly Status[] =
    verb === "cancel" ? ["running", "queued", "scheduled"] : asked.length > 0 ? ["failed", "cancelled"] : ["failed"];
  const wanted = STATUSES.filter((status) => canBe.includes(status) && (asked.length === 0 || asked.includes(status)));
  return wanted.reduce((sum, status) => sum + (counts.byStatus[status] ?? 0), 0);
}

/** “1 run”, “12 runs”. */
export function runsWords(count: number): string {
  return count === 1 ? "1 run" : `${count} runs`;
}

export function reportWords(verb: Verb, { done, left }: Report): string {
  const words = `${runsWords(done.length)} ${verb === "cancel" ? "cancelled" : "replayed"}.`;
  if (left === 0) return words;
  const why = verb === "cancel" ? "had ended before" : "could not be, or had been repeated before";
  return `${words} ${left} ${why}.`;
}

/** The runs from the one that was chosen last to this one, as a click with Shift takes them. */
export function between(runs: readonly Run[], from: string | undefined, to: string): readonly Run[] {
  const [one, other] = [runs.findIndex(({ runId }) => runId === from), runs.findIndex(({ runId }) => runId === to)];
  if (other < 0) return [];
  return one < 0 ? runs.slice(other, other + 1) : runs.slice(Math.min(one, other), Math.max(one, other) + 1);
}
