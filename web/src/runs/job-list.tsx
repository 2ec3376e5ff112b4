// The jobs: what starts each, what holds it back, how it stands, and a switch for the operator.
import { useState } from "react";
import { Link } from "wouter";
import { useApi } from "../data/api.ts";
import { useLive } from "../data/live.ts";
import { useLoaded } from "../data/loaded.ts";
import { Button } from "../ui/button.tsx";
import { Ask } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./jobs.module.css";
import { cancelWords, flowWords, retryWords, triggerWords } from "./job-words.ts";
import type { Job } from "./jobs-wire.ts";
import shell from "./shell.module.css";
import { LiveSign, Problem } from "./sign.tsx";
import { useNow } from "./use-now.ts";
import { duration, moment } from "./words.ts";

const APART_MS = 1_000;

export default function JobList() {
  const { value, problem, again } = useLoaded<{ jobs: readonly Job[] }>("/jobs", APART_MS);
  const isLive = useLive("/runs/realtime", ({ topic }) => {
    if (topic === "open" || topic === "job" || topic === "run") again();
  });
  const now = useNow(value?.jobs.some(({ crons }) => crons.length > 0) ?? false);
  return (
    <main className={styles.page}>
      <header>
        <h1>Jobs</h1>
        <LiveSign isLive={isLive} />
      </header>
      {problem !== undefined && <Problem problem={problem} again={again} />}
      {value === undefined && problem === undefined && <p className={styles.empty}>Loading…</p>}
      <ul className={styles.jobs}>
        {value?.jobs.map((job) => (
          <li key={job.jobId}>
            <OneJob job={job} now={now} again={again} />
          </li>
        ))}
      </ul>
    </main>
  );
}

function OneJob({ job, now, again }: { job: Job; now: number; again: () => void }) {
  const { jobId, queue, pausedAt } = job;
  return (
    <article aria-label={jobId}>
      <header>
        <h2>
          <Link href={`/runs?job=${encodeURIComponent(jobId)}`}>{jobId}</Link>
        </h2>
        {pausedAt !== undefined && (
          <span className={shell.sign} data-tone="warn">
            <Icon name="stop" />
            Paused since {moment(pausedAt)}
          </span>
        )}
        {queue !== undefined && (
          <span className={styles.queue}>
            {queue.running} running, {queue.queued} queued, {queue.scheduled} scheduled
          </span>
        )}
        <Switch job={job} again={again} />
      </header>
      <dl>
        <Lines name="Started by" lines={triggerWords(job)} />
        <Lines name="Ticks" lines={job.crons.map((cron) => tickWords(cron, now))} />
        <Lines name="Held back" lines={flowWords(job)} />
        <Lines name="Retries" lines={[retryWords(job)]} />
        <Lines name="Cancelled by" lines={cancelWords(job)} />
      </dl>
    </article>
  );
}

function tickWords({ schedule, zone, nextAt }: Job["crons"][number], now: number): string {
  return `${schedule} (${zone}), next in ${duration(nextAt - now)}, ${moment(nextAt)}`;
}

function Lines({ name, lines }: { name: string; lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <div>
      <dt>{name}</dt>
      {lines.map((line) => (
        <dd key={line}>{line}</dd>
      ))}
    </div>
  );
}

function Switch({ job: { jobId, pausedAt }, again }: { job: Job; again: () => void }) {
  const api = useApi();
  const say = useNotices();
  const [isAsked, setAsked] = useState(false);
  if (api.features["operator"] !== true) return null;
  const change = (verb: "pause" | "resume") => api.call("POST", `/jobs/${encodeURIComponent(jobId)}/${verb}`).then(again);
  const resume = () => void change("resume").catch((problem: unknown) => say(wordsOf(problem)));
  return (
    <>
      <Button
        aria-label={`${pausedAt === undefined ? "Pause" : "Resume"} ${jobId}`}
        onClick={pausedAt === undefined ? () => setAsked(true) : resume}
      >
        {pausedAt === undefined ? "Pause" : "Resume"}
      </Button>
      {isAsked && (
        <Ask
          title={`Pause ${jobId}?`}
          text="No run of it starts until it is resumed, over restarts. Events are still taken, and their runs wait; runs that have started go on."
          action="Pause"
          onClose={() => setAsked(false)}
          onDone={() => change("pause")}
        />
      )}
    </>
  );
}
