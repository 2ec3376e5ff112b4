// One run: what it is, why it does not go on, its steps on a time line, and the step that somebody has chosen.
import { useMemo, useState } from "react";
import { useLive } from "../data/live.ts";
import { useLoaded } from "../data/loaded.ts";
import { Json } from "./json.tsx";
import { RunHead } from "./run-head.tsx";
import styles from "./run-view.module.css";
import { Problem } from "./sign.tsx";
import { StepDetail } from "./step-detail.tsx";
import { rowsOf } from "./timeline.ts";
import { useNow } from "./use-now.ts";
import { Waterfall } from "./waterfall.tsx";
import { hasEnded, pathOf, type RunDetail } from "./wire.ts";
import { failureWords, holdWords } from "./words.ts";

const SHOWN_AFTER_MS = 400; // the server shows a step that has taken a quarter of a second

export default function RunView({ runId }: { runId: string }) {
  const { value: run, problem, again } = useLoaded<RunDetail>(pathOf(runId));
  const isLive = useLive(`${pathOf(runId)}/realtime`, ({ topic, data }) => {
    again();
    if (topic === "step" && data["status"] === "started") setTimeout(again, SHOWN_AFTER_MS);
  });
  return (
    <main className={styles.page}>
      {problem !== undefined && <Problem problem={problem} again={again} />}
      {run === undefined && problem === undefined && <p className={styles.empty}>Loading…</p>}
      {run !== undefined && <Whole run={run} isLive={isLive} again={again} />}
    </main>
  );
}

function Whole({ run, isLive, again }: { run: RunDetail; isLive: boolean; again: () => void }) {
  const now = useNow(!hasEnded(run));
  const rows = useMemo(() => rowsOf(run, now), [run, now]);
  const [chosen, setChosen] = useState("");
  const row = rows.find(({ key }) => key === chosen);
  return (
    <>
      <RunHead run={run} now={now} isLive={isLive} again={again} />
      {run.hold !== undefined && <p className={styles.hold}>{holdWords(run.hold)}</p>}
      {run.error !== undefined && (
        <div className={styles.error}>
          <pre tabIndex={0} role="region" aria-label="Why it failed">
            {failureWords(run.error)}
            {run.error.stepId !== undefined && `\nin step ${run.error.stepId}`}
            {run.error.stack !== undefined && `\n\n${run.error.stack}`}
          </pre>
        </div>
      )}
      <div className={styles.parts} data-chosen={row?.step !== undefined || undefined}>
        <Waterfall rows={rows} chosen={chosen} onChoose={setChosen} />
        {row?.step !== undefined && <StepDetail key={row.key} row={row} step={row.step} run={run} onClose={() => setChosen("")} />}
      </div>
      <div className={styles.data}>
        {run.event !== undefined && <Json title={`Event ${run.event.name}${run.event.isCut ? " (cut)" : ""}`} value={run.event.data} />}
        {run.result !== undefined && <Json title="Result" value={run.result} />}
      </div>
    </>
  );
}
