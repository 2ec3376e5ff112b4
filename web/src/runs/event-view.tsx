// One event: what it says, what it started, which waits it ended and what it cancelled.
import { type ReactNode, useState } from "react";
import { useApi } from "../data/api.ts";
import { useLive } from "../data/live.ts";
import { useLoaded } from "../data/loaded.ts";
import { Button } from "../ui/button.tsx";
import styles from "./events.module.css";
import { eventPathOf, type RunOfEvent, type WholeHappening } from "./events-wire.ts";
import { Fact, linkTo } from "./facts.tsx";
import { Json } from "./json.tsx";
import page from "./run-view.module.css";
import { SendDialog } from "./send-dialog.tsx";
import { LiveSign, Problem, StatusSign } from "./sign.tsx";
import { moment } from "./words.ts";

const APART_MS = 1_000;

export default function EventView({ eventId }: { eventId: string }) {
  const { value: event, problem, again } = useLoaded<WholeHappening>(eventPathOf(eventId), APART_MS);
  const isLive = useLive("/runs/realtime", ({ topic }) => {
    if (topic === "open" || topic === "run" || topic === "event") again();
  });
  return (
    <main className={page.page}>
      {problem !== undefined && <Problem problem={problem} again={again} />}
      {event === undefined && problem === undefined && <p className={page.empty}>Loading…</p>}
      {event !== undefined && <Whole event={event} isLive={isLive} />}
    </main>
  );
}

function Whole({ event, isLive }: { event: WholeHappening; isLive: boolean }) {
  const { eventId, name, receivedAt, ts, userId, runs, endedWaits, cancelled, data, isCut } = event;
  const isOperator = useApi().features["operator"] === true;
  const [isSending, setSending] = useState(false);
  return (
    <>
      <header className={page.head}>
        <div className={page.title}>
          <h1>{name}</h1>
          <LiveSign isLive={isLive} />
          <span />
          {isOperator && <Button onClick={() => setSending(true)}>Send again…</Button>}
        </div>
        <p className={page.id}>{eventId}</p>
        <dl>
          <Fact name="Received">{moment(receivedAt)}</Fact>
          {Math.abs(ts - receivedAt) >= 1_000 && <Fact name={ts > receivedAt ? "Due" : "Happened"}>{moment(ts)}</Fact>}
          {userId !== undefined && <Fact name="Whose">{userId}</Fact>}
        </dl>
      </header>
      <Part title="Started" none="It started nothing." runs={runs} />
      {endedWaits.length > 0 && <Part title="Ended waits of" runs={endedWaits} aside={({ stepId }) => `step ${stepId}`} />}
      {cancelled.length > 0 && <Part title="Cancelled" runs={cancelled} />}
      <Json title={isCut ? "Data (cut)" : "Data"} value={data} />
      {isSending && <SendDialog name={name} data={isCut ? undefined : data} onClose={() => setSending(false)} />}
    </>
  );
}

interface PartProps<Of> {
  title: string;
  none?: string;
  runs: readonly Of[];
  aside?: (run: Of) => ReactNode;
}

function Part<Of extends RunOfEvent>({ title, none, runs, aside }: PartProps<Of>) {
  return (
    <section aria-label={title}>
      <h2 className={styles.part}>{title}</h2>
      {runs.length === 0 ? (
        <p className={styles.none}>{none}</p>
      ) : (
        <ul className={styles.runs}>
          {runs.map((run, at) => (
            <li key={`${at} ${run.runId}`}>
              <StatusSign status={run.status} />
              <b>{run.jobId}</b>
              {linkTo(run.runId)}
              {aside !== undefined && <small>{aside(run)}</small>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
