// The events that somebody may see, last received first, live: only the rows in sight are in the page.
import { useRef, useState } from "react";
import { Link } from "wouter";
import { useApi } from "../data/api.ts";
import { useLive } from "../data/live.ts";
import { useLoaded } from "../data/loaded.ts";
import { Button } from "../ui/button.tsx";
import { drawnOf } from "../ui/rows.ts";
import { useView } from "../ui/use-view.ts";
import styles from "./events.module.css";
import { eventPathOf, type Happening } from "./events-wire.ts";
import { Typed, useAddress } from "./filters.tsx";
import { type Job, namesOf } from "./jobs-wire.ts";
import type { List } from "./pages.ts";
import list from "./run-list.module.css";
import { SendDialog } from "./send-dialog.tsx";
import { LiveSign, Problem, StatusSign } from "./sign.tsx";
import { usePages } from "./use-pages.ts";
import { moment } from "./words.ts";

const ROW = 48;
const EVENTS: List<Happening> = { name: "events", idOf: ({ eventId }) => eventId, atOf: ({ receivedAt }) => receivedAt };

export default function EventList() {
  const { known, change } = useAddress(["name", "q"]);
  const query = known.toString();
  const { rows, problem, again, older, isWhole } = usePages(EVENTS, query);
  const isLive = useLive("/runs/realtime", ({ topic }) => {
    if (topic === "open" || topic === "event" || topic === "run") again();
  });
  const isOperator = useApi().features["operator"] === true;
  const [isSending, setSending] = useState(false);
  return (
    <main className={list.page}>
      <header className={styles.head}>
        <h1>Events</h1>
        <LiveSign isLive={isLive} />
        {isOperator && <Button onClick={() => setSending(true)}>Send an event…</Button>}
      </header>
      <div className={list.filters} role="search" aria-label="Which events">
        <Typed text={known.get("q") ?? ""} onTyped={(typed) => change("q", [typed])} />
        <Named name={known.get("name") ?? ""} onNamed={(name) => change("name", [name])} />
      </div>
      {problem !== undefined && <Problem problem={problem} again={again} />}
      {rows === undefined && problem === undefined && <p className={list.empty}>Loading…</p>}
      {rows?.length === 0 && problem === undefined && isWhole && (
        <p className={list.empty}>{query === "" ? "Nothing has been sent yet. Send the agent a message." : "No event is like that."}</p>
      )}
      {rows?.length === 0 && !isWhole && <p className={list.empty}>None among the newest that were looked at.</p>}
      <Rows events={rows ?? []} />
      {rows !== undefined && !isWhole && (
        <footer>
          <Button onClick={older}>Older</Button>
        </footer>
      )}
      {isSending && <SendDialog onClose={() => setSending(false)} />}
    </main>
  );
}

/** Names that jobs listen to, and those of the engine; one that the address has is there, too. */
function Named({ name, onNamed }: { name: string; onNamed: (name: string) => void }) {
  const jobs = useLoaded<{ jobs: readonly Job[] }>("/jobs").value?.jobs ?? [];
  const names = [...namesOf(jobs), "engine/function.finished", "engine/function.failed", "engine/function.cancelled"];
  return (
    <select aria-label="Name" value={name} onChange={(event) => onNamed(event.target.value)}>
      <option value="">All names</option>
      {[...new Set(name === "" ? names : [name, ...names])].map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}

function Rows({ events }: { events: readonly Happening[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const { first, drawn } = drawnOf(events, ROW, view);
  return (
    <div ref={scroller} className={list.scroller} role="region" aria-label="List of events" tabIndex={0}>
      <ul style={{ height: events.length * ROW }}>
        {drawn.map((event, at) => (
          <li key={event.eventId} style={{ transform: `translateY(${(first + at) * ROW}px)` }}>
            <Row event={event} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ event: { eventId, name, receivedAt, userId, runs } }: { event: Happening }) {
  return (
    <Link href={eventPathOf(eventId)} className={styles.row}>
      <b>{name}</b>
      <span className={styles.started}>
        {runs.slice(0, 1).map(({ runId, status }) => (
          <StatusSign key={runId} status={status} />
        ))}
        {runs.length > 1 && <span>and {runs.length - 1} more</span>}
      </span>
      <time dateTime={new Date(receivedAt).toISOString()}>{moment(receivedAt)}</time>
      <small className={styles.what}>{startedWords(runs)}</small>
      <small className={styles.who}>{userId}</small>
      <small className={styles.own}>{eventId}</small>
    </Link>
  );
}

function startedWords(runs: Happening["runs"]): string {
  const jobs = [...new Set(runs.map(({ jobId }) => jobId))];
  return jobs.length === 0 ? "started nothing" : `started ${jobs.join(", ")}`;
}
