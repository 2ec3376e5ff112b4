// The runs that somebody may see, newest first, live: only the rows in sight are in the page.
import { useRef, useState } from "react";
import { Link } from "wouter";
import { Button } from "../ui/button.tsx";
import { drawnOf } from "../ui/rows.ts";
import { useView } from "../ui/use-view.ts";
import { BulkBar } from "./bulk-bar.tsx";
import { between } from "./bulk.ts";
import { Filters, useFilters } from "./filters.tsx";
import styles from "./run-list.module.css";
import { LiveSign, Problem, StatusSign } from "./sign.tsx";
import { useNow } from "./use-now.ts";
import { useRuns } from "./use-runs.ts";
import { hasEnded, pathOf, type Run } from "./wire.ts";
import { duration, failureWords, moment, SIGNS } from "./words.ts";

const ROW = 48;

export default function RunList() {
  const filters = useFilters();
  const { runs, counts, problem, again, older, isLive, isWhole } = useRuns(filters.query);
  const hasFilters = filters.query !== "";
  const [chosenIds, setChosenIds] = useState<ReadonlySet<string>>(new Set());
  const chosen = (runs ?? []).filter(({ runId }) => chosenIds.has(runId));
  const choose = (some: readonly Run[]) => setChosenIds(new Set(some.map(({ runId }) => runId)));
  return (
    <main className={styles.page}>
      <header>
        <h1>Runs</h1>
        <LiveSign isLive={isLive} />
      </header>
      <Filters {...filters} counts={counts} />
      <BulkBar runs={runs ?? []} chosen={chosen} onChoose={choose} filters={filters} counts={counts} again={again} />
      {problem !== undefined && <Problem problem={problem} again={again} />}
      {runs === undefined && problem === undefined && <p className={styles.empty}>Loading…</p>}
      {runs?.length === 0 && problem === undefined && isWhole && (
        <p className={styles.empty}>{hasFilters ? "No run is like that." : "Nothing has run yet. Send the agent a message."}</p>
      )}
      {runs?.length === 0 && !isWhole && <p className={styles.empty}>None among the newest that were looked at.</p>}
      <Rows runs={runs ?? []} chosen={chosenIds} onChoose={setChosenIds} />
      {runs !== undefined && !isWhole && (
        <footer>
          <Button onClick={older}>Older</Button>
        </footer>
      )}
    </main>
  );
}

interface RowsProps {
  runs: readonly Run[];
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

function Rows({ runs, chosen, onChoose }: RowsProps) {
  const last = useRef<string>(undefined); // where a choice with Shift begins
  function toggle({ runId }: Run, isRange: boolean) {
    const changed = isRange ? between(runs, last.current, runId) : between(runs, undefined, runId);
    const next = new Set(chosen);
    for (const run of changed) {
      if (chosen.has(runId)) next.delete(run.runId);
      else next.add(run.runId);
    }
    last.current = runId;
    onChoose(next);
  }
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const { first, drawn: seen } = drawnOf(runs, ROW, view);
  const now = useNow(seen.some((run) => !hasEnded(run)));
  return (
    <div ref={scroller} className={styles.scroller} role="region" aria-label="List of runs" tabIndex={0}>
      <ul style={{ height: runs.length * ROW }}>
        {seen.map((run, at) => (
          <li key={run.runId} style={{ transform: `translateY(${(first + at) * ROW}px)` }}>
            <label className={styles.choose}>
              <input
                type="checkbox"
                aria-label={`Choose ${run.jobId}, ${SIGNS[run.status].word.toLowerCase()}, ${moment(run.createdAt)}`}
                checked={chosen.has(run.runId)}
                onChange={({ nativeEvent }) => toggle(run, nativeEvent instanceof MouseEvent && nativeEvent.shiftKey)}
              />
            </label>
            <Row run={run} now={now} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ run, now }: { run: Run; now: number }) {
  return (
    <Link href={pathOf(run.runId)}>
      <StatusSign status={run.status} />
      <b>{run.jobId}</b>
      <span className={styles.took}>{tookOf(run, now)}</span>
      <time dateTime={new Date(run.createdAt).toISOString()}>{moment(run.createdAt)}</time>
      <small className={styles.about}>{run.error === undefined ? (run.eventName ?? "") : failureWords(run.error)}</small>
      <small className={styles.id}>{ownIdOf(run)}</small>
    </Link>
  );
}

function tookOf(run: Run, now: number): string {
  if (run.startedAt === undefined) return "";
  return duration((run.endedAt ?? Math.max(now, run.startedAt)) - run.startedAt);
}

/** Most ids begin with the job's, which stands above. */
function ownIdOf({ runId, jobId }: Run): string {
  return runId.startsWith(`${jobId}:`) ? runId.slice(jobId.length + 1) : runId;
}
