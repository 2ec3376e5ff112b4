// Which runs are shown: it stands in the address, so that it can be kept and sent.
import { useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { useLoaded } from "../data/loaded.ts";
import styles from "./run-list.module.css";
import { type Counts, type Status, STATUSES } from "./wire.ts";
import { SIGNS } from "./words.ts";
import { Icon } from "../ui/icon.tsx";

const TYPING_MS = 300;

export interface FiltersHere {
  readonly query: string;
  readonly statuses: readonly string[];
  readonly job: string;
  readonly text: string;
  readonly change: (name: "status" | "job" | "q", values: readonly string[]) => void;
}

/** What the address says under these names, and how to change it. */
export function useAddress(names: readonly string[]) {
  const [asked, setAsked] = useSearchParams();
  return {
    known: new URLSearchParams([...asked].filter(([name, value]) => names.includes(name) && value !== "")),
    change: (name: string, values: readonly string[]) => {
      setAsked(
        (before) => {
          const after = new URLSearchParams(before);
          after.delete(name);
          for (const value of values) if (value !== "") after.append(name, value);
          return after;
        },
        { replace: true },
      );
    },
  };
}

export function useFilters(): FiltersHere {
  const { known, change } = useAddress(["status", "job", "q"]);
  return { query: known.toString(), statuses: known.getAll("status"), job: known.get("job") ?? "", text: known.get("q") ?? "", change };
}

export function Filters({ statuses, job, text, change, counts }: FiltersHere & { counts: Counts | undefined }) {
  const jobs = useLoaded<{ jobs: readonly { jobId: string }[] }>("/jobs").value?.jobs ?? [];
  const toggle = (status: Status) =>
    change("status", statuses.includes(status) ? statuses.filter((each) => each !== status) : [...statuses, status]);
  return (
    <div className={styles.filters} role="search" aria-label="Which runs">
      <Typed text={text} onTyped={(typed) => change("q", [typed])} />
      <select aria-label="Job" value={job} onChange={(event) => change("job", [event.target.value])}>
        <option value="">All jobs</option>
        {job !== "" && !jobs.some(({ jobId }) => jobId === job) && <option>{job}</option>}
        {jobs.map(({ jobId }) => (
          <option key={jobId}>{jobId}</option>
        ))}
      </select>
      <div className={styles.statuses}>
        {STATUSES.map((status) => (
          <button key={status} type="button" aria-pressed={statuses.includes(status)} onClick={() => toggle(status)}>
            <Icon name={SIGNS[status].icon} />
            {SIGNS[status].word}
            <small>
              {counts?.byStatus[status] ?? (counts === undefined ? "" : 0)}
              {counts?.isSample && "+"}
            </small>
          </button>
        ))}
      </div>
    </div>
  );
}

/** What is typed counts once the person pauses. */
export function Typed({ text, onTyped }: { text: string; onTyped: (typed: string) => void }) {
  const [typed, setTyped] = useState(text);
  useEffect(() => {
    if (typed.trim() === text) return;
    const timer = setTimeout(() => onTyped(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
    // Only what is typed begins the time anew.
  }, [typed]);
  return (
    <input
      type="search"
      maxLength={200}
      aria-label="Find by id, name or what stands in the event"
      placeholder="Find by id, name or what stands in the event"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
