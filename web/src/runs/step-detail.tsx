// A step that somebody has chosen: its attempts, its error, what went in and what came out.
import { useState } from "react";
import { Link } from "wouter";
import { useApi } from "../data/api.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { AgainDialog } from "./again-dialog.tsx";
import { Json } from "./json.tsx";
import { eventPathOf } from "./events-wire.ts";
import { linkTo } from "./facts.tsx";
import styles from "./run-view.module.css";
import { StatusSign } from "./sign.tsx";
import type { Row } from "./timeline.ts";
import { hasEnded, type RunDetail, type Step, type Try } from "./wire.ts";
import { duration, failureWords, moment, stepAside } from "./words.ts";

interface DetailProps {
  row: Row;
  step: Step;
  run: RunDetail;
  onClose: () => void;
}

export function StepDetail({ row, step, run, onClose }: DetailProps) {
  const api = useApi();
  const [isAsked, setAsked] = useState(false);
  const isOperator = api.features["operator"] === true;
  const canRepeat = isOperator && hasEnded(run) && step.stepId !== "";
  return (
    <section className={styles.detail} aria-label="Step">
      <header>
        <h2>{row.name}</h2>
        <IconButton icon="close" label="Close the step" onClick={onClose} />
      </header>
      <p>
        <StatusSign status={step.status} /> {stepAside(step)}
      </p>
      {step.usage?.model !== undefined && <p>Answered by {step.usage.model}</p>}
      {step.child !== undefined && (
        <p className={styles.link}>
          {linkTo(step.child.runId)} <StatusSign status={step.child.status} />
        </p>
      )}
      {step.byEventId !== undefined && (
        <p className={styles.link}>
          By the event <Link href={eventPathOf(step.byEventId)}>{step.byEventId}</Link>
        </p>
      )}
      <ol>
        {step.tries.map((each, at) => (
          <Attempt key={at} attempt={each} began={run.createdAt} />
        ))}
      </ol>
      {step.input !== undefined && <Json title="Input" value={step.input} />}
      {step.output !== undefined && <Json title="Output" value={step.output} />}
      {isOperator && step.kind === "run" && (
        <p className={styles.aside}>
          Its log is not kept with it. Its lines in the log of the worker have step_id={step.stepId} and the run_id.
        </p>
      )}
      {canRepeat && <Button onClick={() => setAsked(true)}>Run again from here…</Button>}
      {isAsked && <AgainDialog run={run} fromStep={step.stepId} onClose={() => setAsked(false)} />}
    </section>
  );
}

function Attempt({ attempt: { startedAt, endedAt, error }, began }: { attempt: Try; began: number }) {
  const at = startedAt === undefined ? "began at an unknown time" : `${moment(startedAt)}, ${duration(startedAt - began)} into the run`;
  const took = startedAt === undefined || endedAt === undefined ? "" : `, took ${duration(endedAt - startedAt)}`;
  return (
    <li>
      {at}
      {took}
      {error !== undefined && (
        <pre tabIndex={0} role="region" aria-label="Error of the attempt">
          {failureWords(error)}
          {error.stack !== undefined && `\n\n${error.stack}`}
        </pre>
      )}
    </li>
  );
}
