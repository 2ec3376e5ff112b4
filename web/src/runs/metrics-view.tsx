// How the runs did over time, and by job: throughput, failures by cause, durations, queues.
import { useState } from "react";
import { Link } from "wouter";
import { useLive } from "../data/live.ts";
import { useLoaded } from "../data/loaded.ts";
import styles from "./jobs.module.css";
import type { Bucket, JobMetrics, Metrics } from "./jobs-wire.ts";
import { Bars, Lines } from "./plots.tsx";
import { LiveSign, Problem } from "./sign.tsx";
import { duration } from "./words.ts";

const WINDOWS = [
  [15, 15, "15 minutes"],
  [60, 60, "an hour"],
  [360, 300, "6 hours"],
  [1_440, 1_200, "a day"],
  [10_080, 7_200, "a week"],
] as const; // minutes, seconds of a bucket
const APART_MS = 3_000; // its questions are the most expensive ones
const CAUSES = 8;

export default function MetricsView() {
  const [at, setAt] = useState(1);
  const [job, setJob] = useState("");
  const [minutes, bucket] = WINDOWS[at] ?? WINDOWS[1];
  const which = job === "" ? "" : `&job=${encodeURIComponent(job)}`;
  const { value, problem, again } = useLoaded<Metrics>(`/metrics?minutes=${minutes}&bucket=${bucket}${which}`, APART_MS);
  const jobs = useLoaded<{ jobs: readonly { jobId: string }[] }>("/jobs").value?.jobs ?? [];
  const isLive = useLive("/runs/realtime", ({ topic }) => {
    if (topic === "open" || topic === "run") again();
  });
  return (
    <main className={styles.page}>
      <header>
        <h1>Metrics</h1>
        <LiveSign isLive={isLive} />
        <select aria-label="Job" value={job} onChange={(event) => setJob(event.target.value)}>
          <option value="">All jobs</option>
          {jobs.map(({ jobId }) => (
            <option key={jobId}>{jobId}</option>
          ))}
        </select>
        <select aria-label="How far back" value={at} onChange={(event) => setAt(Number(event.target.value))}>
          {WINDOWS.map(([, , name], index) => (
            <option key={name} value={index}>
              {name}
            </option>
          ))}
        </select>
      </header>
      {problem !== undefined && <Problem problem={problem} again={again} />}
      {value === undefined && problem === undefined && <p className={styles.empty}>Loading…</p>}
      {value?.series !== undefined && <Plots buckets={value.series.buckets} />}
      {value?.series?.isSample && <p>There were more runs than were counted: the newest 20,000 are shown.</p>}
      {value !== undefined && <ByJob jobs={value.jobs} />}
    </main>
  );
}

function Plots({ buckets }: { buckets: readonly Bucket[] }) {
  const times = buckets.map(({ at }) => at);
  const ends = { completed: 0, failed: 0, cancelled: 0 };
  for (const each of buckets) {
    ends.completed += each.completed;
    ends.failed += each.failed;
    ends.cancelled += each.cancelled;
  }
  const last = buckets.at(-1);
  return (
    <div className={styles.plots}>
      <Bars
        title="Runs that ended"
        said={`${ends.completed} completed, ${ends.failed} failed, ${ends.cancelled} cancelled`}
        times={times}
        rows={[
          { name: "completed", tone: "ok", values: buckets.map(({ completed }) => completed) },
          { name: "failed", tone: "bad", values: buckets.map(({ failed }) => failed) },
          { name: "cancelled", tone: "muted", values: buckets.map(({ cancelled }) => cancelled) },
        ]}
      />
      <Lines
        title="Duration"
        said="of the runs that ended, by the middle one and the slowest of twenty"
        times={times}
        words={duration}
        rows={[
          { name: "p50", tone: "accent", values: buckets.map((each) => each.duration?.p50Ms) },
          { name: "p95", tone: "warn", values: buckets.map((each) => each.duration?.p95Ms) },
        ]}
      />
      <Lines
        title="Time in the queue"
        said="of the runs that ended, by the middle one and the slowest of twenty"
        times={times}
        words={duration}
        rows={[
          { name: "p50", tone: "accent", values: buckets.map((each) => each.queued?.p50Ms) },
          { name: "p95", tone: "warn", values: buckets.map((each) => each.queued?.p95Ms) },
        ]}
      />
      <Bars
        title="Runs under way"
        said={`now ${last?.running ?? 0} running, ${last?.waiting ?? 0} waiting to start`}
        times={times}
        rows={[
          { name: "running", tone: "accent", values: buckets.map(({ running }) => running) },
          { name: "waiting", tone: "warn", values: buckets.map(({ waiting }) => waiting) },
        ]}
      />
      <Causes buckets={buckets} />
    </div>
  );
}

function Causes({ buckets }: { buckets: readonly Bucket[] }) {
  const counts = new Map<string, number>();
  for (const { causes } of buckets) for (const { name, count } of causes) counts.set(name, (counts.get(name) ?? 0) + count);
  const most = [...counts].toSorted(([, one], [, other]) => other - one).slice(0, CAUSES);
  return (
    <section className={styles.causes} aria-label="Failures by cause">
      <h2>Failures by cause</h2>
      {most.length === 0 && <p className={styles.empty}>Nothing has failed.</p>}
      <ol>
        {most.map(([name, count]) => (
          <li key={name}>
            <span>{name}</span>
            <span>{count}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const COLUMNS = ["Job", "Completed", "Failed", "Cancelled", "Success", "A minute", "p50", "p95", "Queued p95"];

function ByJob({ jobs }: { jobs: readonly JobMetrics[] }) {
  if (jobs.length === 0) return <p className={styles.empty}>No run has ended in this time.</p>;
  return (
    <div className={styles.table} role="region" aria-label="By job" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {COLUMNS.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {jobs.map((each) => (
            <tr key={each.jobId}>
              <th scope="row">
                <Link href={`/runs?job=${encodeURIComponent(each.jobId)}`}>{each.jobId}</Link>
              </th>
              <td>{each.completed}</td>
              <td>{each.failed}</td>
              <td>{each.cancelled}</td>
              <td>{each.successRate === undefined ? "–" : `${(each.successRate * 100).toFixed(1)} %`}</td>
              <td>{each.perMinute.toFixed(2)}</td>
              <td>{each.duration === undefined ? "–" : duration(each.duration.p50Ms)}</td>
              <td>{each.duration === undefined ? "–" : duration(each.duration.p95Ms)}</td>
              <td>{each.queued === undefined ? "–" : duration(each.queued.p95Ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
