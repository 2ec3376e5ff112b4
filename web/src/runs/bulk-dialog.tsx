// Cancels or replays many runs: asks first and says how many, then what came of it.
import { type ReactNode, useState } from "react";
import { type Api, useApi } from "../data/api.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, Form } from "../ui/dialog.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./bulk.module.css";
import { NOTHING_YET, type Report, reportWords, runsWords, type Verb } from "./bulk.ts";
import { linkTo } from "./facts.tsx";
import { pathOf } from "./wire.ts";

export interface Task {
  readonly verb: Verb;
  readonly count: number;
  readonly isAtLeast: boolean; // the server has counted the newest only
  /** The runs by their ids, or the filters that all of them match. */
  readonly which: { readonly runIds: readonly string[] } | { readonly query: string };
}

const PAGE = 100; // as many as the server does at once
const SHOWN = 20;

interface BulkProps {
  task: Task;
  onClose: () => void;
  onDone: () => void;
}

export default function BulkDialog({ task, onClose, onDone }: BulkProps) {
  const api = useApi();
  const [report, setReport] = useState<Report | null>(null);
  const [so, setSo] = useState(NOTHING_YET);
  const { verb, count, isAtLeast, which } = task;
  const how = `${isAtLeast ? "at least " : ""}${runsWords(count)}`;
  async function start() {
    try {
      setReport(await ("runIds" in which ? eachOf(api, verb, which.runIds, setSo) : allOf(api, task, which.query, setSo)));
    } finally {
      onDone();
    }
  }
  if (report !== null) return <Outcome verb={verb} report={report} onClose={onClose} />;
  const isCancel = verb === "cancel";
  const title = `${isCancel ? "Cancel" : "Replay"} ${how}?`;
  const done = so.done.length + so.refused.length;
  return (
    <Dialog label={title} onClose={onClose}>
      <Form title={title} action={`${isCancel ? "Cancel" : "Replay"} ${how}`} isDanger={isCancel} onClose={onClose} onSubmit={start}>
        <p>
          {isCancel
            ? "They and the runs that they invoked stop at their next step. Answers that they write end as they stand."
            : "Each is repeated from where it failed, as a new run. One that has been repeated before is left alone."}
        </p>
        {done > 0 && <p role="status">{done} so far…</p>}
      </Form>
    </Dialog>
  );
}

function Outcome({ verb, report, onClose }: { verb: Verb; report: Report; onClose: () => void }) {
  const news = report.done.flatMap(({ newRunId }) => (newRunId === undefined ? [] : [newRunId]));
  return (
    <Dialog label="What came of it" onClose={onClose} isWide>
      <div className={styles.report}>
        <h2>What came of it</h2>
        <p role="status">{reportWords(verb, report)}</p>
        <Some title="New runs" of={news} line={(runId) => linkTo(runId)} keyOf={(runId) => runId} />
        <Some
          title="Refused"
          of={report.refused}
          line={({ runId, why }) => (
            <>
              {linkTo(runId)}: {why}
            </>
          )}
          keyOf={({ runId }) => runId}
        />
        <footer>
          <Button onClick={onClose}>Close</Button>
        </footer>
      </div>
    </Dialog>
  );
}

interface SomeProps<Of> {
  title: string;
  of: readonly Of[];
  line: (each: Of) => ReactNode;
  keyOf: (each: Of) => string;
}

function Some<Of>({ title, of, line, keyOf }: SomeProps<Of>) {
  if (of.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul>
        {of.slice(0, SHOWN).map((each) => (
          <li key={keyOf(each)}>{line(each)}</li>
        ))}
        {of.length > SHOWN && <li>and {of.length - SHOWN} more</li>}
      </ul>
    </section>
  );
}

/** One after the other: each says by itself what became of it. */
async function eachOf(api: Api, verb: Verb, runIds: readonly string[], onSoFar: (report: Report) => void): Promise<Report> {
  let report = NOTHING_YET;
  for (const runId of runIds) {
    try {
      const { cancelled, runId: newRunId } = await api.call<{ cancelled?: boolean; runId?: string }>("POST", `${pathOf(runId)}/${verb}`);
      if (cancelled === false) report = { ...report, left: report.left + 1 };
      else report = { ...report, done: [...report.done, newRunId === undefined ? { runId } : { runId, newRunId }] };
    } catch (problem) {
      report = { ...report, refused: [...report.refused, { runId, why: wordsOf(problem) }] };
    }
    onSoFar(report);
  }
  return report;
}

interface PageAnswer {
  readonly runIds?: readonly string[];
  readonly replayed?: readonly { readonly runId: string; readonly asRunId: string }[];
  readonly refused?: readonly { readonly runId: string; readonly error: string }[];
  readonly nextCursor?: string;
}

/** Page by page, as the server does it. What it does not name was over before, or repeated. */
async function allOf(api: Api, { verb, count }: Task, query: string, onSoFar: (report: Report) => void): Promise<Report> {
  let report = NOTHING_YET;
  let cursor: string | undefined;
  do {
    const from = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: PageAnswer = await api.call<PageAnswer>("POST", `/runs/${verb}?${query}&limit=${PAGE}${from}`);
    const done =
      page.replayed?.map(({ runId, asRunId }) => ({ runId, newRunId: asRunId })) ?? page.runIds?.map((runId) => ({ runId })) ?? [];
    const refused = page.refused?.map(({ runId, error }) => ({ runId, why: error })) ?? [];
    report = { ...report, done: [...report.done, ...done], refused: [...report.refused, ...refused] };
    onSoFar(report);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { ...report, left: Math.max(0, count - report.done.length - report.refused.length) };
}
