// The head of a run: its facts, where it belongs, and what can be done with it.
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useApi } from "../data/api.ts";
import { usageWords } from "../ui/amounts.ts";
import { Button } from "../ui/button.tsx";
import { Ask } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import { AgainDialog } from "./again-dialog.tsx";
import { eventPathOf } from "./events-wire.ts";
import { Fact, linkTo } from "./facts.tsx";
import styles from "./run-view.module.css";
import { LiveSign, StatusSign } from "./sign.tsx";
import { hasEnded, pathOf, type RunDetail } from "./wire.ts";
import { duration, moment, takenBy } from "./words.ts";

interface HeadProps {
  run: RunDetail;
  now: number;
  isLive: boolean;
  again: () => void;
}

export function RunHead({ run, now, isLive, again }: HeadProps) {
  const { createdAt, startedAt, endedAt } = run;
  const latest = Math.max(now, startedAt ?? createdAt);
  const taken = takenBy(run);
  return (
    <header className={styles.head}>
      <div className={styles.title}>
        <h1>{run.jobId}</h1>
        <StatusSign status={run.status} />
        {!hasEnded(run) && <LiveSign isLive={isLive} />}
        <span />
        <Actions run={run} again={again} />
      </div>
      <p className={styles.id}>{run.runId}</p>
      <dl>
        <Fact name="Created">{moment(createdAt)}</Fact>
        <Fact name="Queued">{duration((startedAt ?? endedAt ?? latest) - createdAt)}</Fact>
        {startedAt !== undefined && <Fact name="Duration">{duration((endedAt ?? latest) - startedAt)}</Fact>}
        {run.eventName !== undefined && (
          <Fact name="Event">
            <Link href={eventPathOf(run.eventId)}>{run.eventName}</Link>
          </Fact>
        )}
        {taken !== undefined && <Fact name="Models">{usageWords(taken)}</Fact>}
        {run.worker !== undefined && <Fact name="Worker">{run.worker}</Fact>}
        {run.parentRunId !== undefined && <Fact name="Invoked by">{linkTo(run.parentRunId)}</Fact>}
        {run.repeats !== undefined && <Fact name="Repeats">{linkTo(run.repeats)}</Fact>}
        {run.children.length > 0 && (
          <Fact name="Invoked">
            {run.children.map((child) => (
              <span key={child}>{linkTo(child)} </span>
            ))}
          </Fact>
        )}
        <Conversation run={run} />
      </dl>
    </header>
  );
}

/** Where people see what the run has done, if its event names a conversation. */
function Conversation({ run }: { run: RunDetail }) {
  const { projectId, conversationId } = run.event?.data ?? {};
  if (typeof projectId !== "string") return null;
  const isInChat = typeof conversationId === "string";
  return (
    <Fact name={isInChat ? "Conversation" : "Project"}>
      <Link href={`/p/${projectId}${isInChat ? `/c/${conversationId}` : ""}`}>
        {isInChat ? "Open the conversation" : "Open the project"}
      </Link>
    </Fact>
  );
}

function Actions({ run, again }: { run: RunDetail; again: () => void }) {
  const api = useApi();
  const say = useNotices();
  const [, go] = useLocation();
  const [asked, setAsked] = useState<"cancel" | "again" | null>(null);
  const isOperator = api.features["operator"] === true;
  const close = () => setAsked(null);
  const replay = () =>
    void api.call<{ runId: string }>("POST", `${pathOf(run.runId)}/replay`).then(
      ({ runId }) => go(pathOf(runId)),
      (problem: unknown) => say(wordsOf(problem)),
    );
  return (
    <>
      {!hasEnded(run) && (
        <Button look="danger" onClick={() => setAsked("cancel")}>
          Cancel
        </Button>
      )}
      {isOperator && (run.status === "failed" || run.status === "cancelled") && <Button onClick={replay}>Replay</Button>}
      {isOperator && hasEnded(run) && <Button onClick={() => setAsked("again")}>Run again…</Button>}
      {asked === "cancel" && (
        <Ask
          title="Cancel this run?"
          text="It and the runs that it invoked stop at their next step. An answer that it writes ends as it stands."
          action="Cancel the run"
          isDanger
          onClose={close}
          onDone={() => api.call("POST", `${pathOf(run.runId)}/cancel`).then(again)}
        />
      )}
      {asked === "again" && <AgainDialog run={run} onClose={close} />}
    </>
  );
}
