// How the generation of a project goes: the step at hand in one line; unfolded, all steps, the live log and the evidence.
import { useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { type UIEvent, useEffect, useRef, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import { wordsOf } from "../ui/problems.ts";
import { Button } from "../ui/button.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import styles from "./generation.module.css";
import { doneOf, headline, STEPS, stepWords } from "./steps.ts";

type Generation = NonNullable<FunctionReturnType<typeof api.projects.getGeneration>>;
type LogLine = FunctionReturnType<typeof api.projects.getGenerationEvents>[number];
const ICONS: Readonly<Record<LogLine["type"], IconName>> = { step: "spark", file: "file", info: "more", error: "warn" };

export default function GenerationStrip({ projectId }: { projectId: Id<"projects"> }) {
  const generation = useQuery(api.projects.getGeneration, { projectId });
  const [isOpen, setOpen] = useState(false);
  const http = useApi();
  const say = useNotices();
  if (!generation) return null;
  const isUnderWay = generation.status === "processing";
  function ask(path: string) {
    http.call("POST", path, { projectId }).catch((error: unknown) => say(wordsOf(error)));
  }
  return (
    <section className={styles.strip} aria-label="Generation of the project" data-status={generation.status}>
      <div className={styles.head}>
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Icon name="chevron" className={isOpen ? styles.opened : undefined} />
          <span role="status">{headline(generation)}</span>
        </button>
        {isUnderWay ? (
          <>
            <progress aria-label="Steps that are done" value={doneOf(generation)} />
            <Button onClick={() => ask("/projects/generate/cancel")}>
              <Icon name="stop" /> Stop
            </Button>
          </>
        ) : (
          generation.status !== "completed" && <Button onClick={() => ask("/projects/generate")}>Go on</Button>
        )}
      </div>
      {isOpen && <Whole projectId={projectId} generation={generation} />}
    </section>
  );
}

function Whole({ projectId, generation }: { projectId: Id<"projects">; generation: Generation }) {
  const lines = useQuery(api.projects.getGenerationEvents, { projectId }) ?? [];
  return (
    <div className={styles.whole}>
      <ol className={styles.steps}>
        {STEPS.map((step) => {
          const isDone = generation.steps.includes(step);
          const isNow = generation.currentStep === step && generation.status === "processing";
          return (
            <li key={step} data-now={isNow || undefined}>
              <Icon name={isDone ? "check" : isNow ? "spark" : "clock"} />
              {stepWords(step)}
              <span className={styles.heard}>{isDone ? "done" : isNow ? "being made" : "to do"}</span>
            </li>
          );
        })}
      </ol>
      {generation.error !== undefined && <p role="alert">{generation.error}</p>}
      <Evidence verification={generation.verification} />
      <Log lines={lines} />
    </div>
  );
}

function Evidence({ verification }: { verification: Generation["verification"] }) {
  if (verification === undefined) return null;
  return (
    <ul className={styles.evidence} aria-label="What was run on it">
      {verification.reason !== "" && <li>{verification.reason}</li>}
      {verification.checks.map(({ command, exitCode, tookS, output }, at) => (
        <li key={at}>
          <details>
            <summary>
              <Icon name={exitCode === 0 ? "check" : "warn"} /> <code>{command}</code>{" "}
              {exitCode === undefined ? "ended by us" : exitCode === 0 ? "passed" : `exit code ${exitCode}`} after {tookS.toFixed(1)} s
            </summary>
            <pre tabIndex={0}>{output}</pre>
          </details>
        </li>
      ))}
    </ul>
  );
}

/** The end stays in sight while the log grows, unless somebody looks at what was before. */
function Log({ lines }: { lines: readonly LogLine[] }) {
  const list = useRef<HTMLOListElement>(null);
  const end = useRef({ isSeen: true, top: 0 });
  useEffect(() => {
    if (end.current.isSeen) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [lines]);
  function onScroll({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: UIEvent<HTMLOListElement>) {
    const isNear = scrollHeight - scrollTop - clientHeight < 24;
    const isUpwards = scrollTop < end.current.top; // lines that came meanwhile are no reason to stay
    end.current = { isSeen: isNear || (end.current.isSeen && !isUpwards), top: scrollTop };
  }
  return (
    <ol ref={list} className={styles.log} tabIndex={0} aria-label="Log" onScroll={onScroll}>
      {lines.map(({ _id, type, message, createdAt }) => (
        <li key={_id} data-type={type}>
          <time dateTime={new Date(createdAt).toISOString()}>{new Date(createdAt).toLocaleTimeString()}</time>
          <Icon name={ICONS[type]} />
          <span>{message}</span>
        </li>
      ))}
    </ol>
  );
}
