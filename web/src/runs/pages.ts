// Pages of a list that grows at its top while somebody reads further down. Pure.
import type { Run, RunPage } from "./wire.ts";

export interface Known {
  readonly runs: readonly Run[];
  readonly next?: string | undefined; // where older ones begin
}

/** The newest page, read again, before what is known of older runs. */
export function withNewest({ runs, nextCursor }: RunPage, known: Known): Known {
  const last = runs.at(-1);
  if (nextCursor === undefined || last === undefined) return { runs, next: nextCursor };
  const fresh = new Set(runs.map(({ runId }) => runId));
  const older = known.runs.filter((run) => run.createdAt <= last.createdAt && !fresh.has(run.runId));
  return older.length === 0 ? { runs, next: nextCursor } : { runs: [...runs, ...older], next: known.next };
}

/** Older runs below what is known. */
export function withOlder({ runs, nextCursor }: RunPage, known: Known): Known {
  const seen = new Set(known.runs.map(({ runId }) => runId));
  return { runs: [...known.runs, ...runs.filter(({ runId }) => !seen.has(runId))], next: nextCursor };
}
