// One answer: what it says, thinks, does and asks, in order; then how it ended. While it is written and afterwards it is the
// same elements, so that nothing is drawn anew at its end.
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useApi } from "../data/api.ts";
import { type Card, type Message, useCards, useSegments } from "../data/answer.ts";
import type { Prose as ProseSegment, Segment } from "../data/deltas.ts";
import { usageWords } from "../ui/amounts.ts";
import { wordsOf } from "../ui/problems.ts";
import { Prose } from "../prose/prose.tsx";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useOpen } from "../ui/use-open.ts";
import type { AskDoc } from "./ask-card.tsx";
import styles from "./chat.module.css";
import { ToolCard } from "./tool-card.tsx";
import { EARLY_WORDS, tookWords } from "./words.ts";

const AskCard = lazy(() => import("./ask-card.tsx"));
const ChangesDialog = lazy(() => import("./changes-dialog.tsx"));

interface AnswerProps {
  message: Message;
  asks: readonly AskDoc[];
  isQueued: boolean; // an earlier answer is still being written
  onContinue: () => void;
}

export function Answer({ message, asks, isQueued, onContinue }: AnswerProps) {
  const segments = useSegments(message);
  const cards = useCards(message);
  const isWritten = message.status === "processing";
  const hasChanges = [...cards.values()].some(({ changed }) => changed !== undefined);
  return (
    <article className={styles.answer} aria-label="Answer" aria-busy={isWritten}>
      {segments.map((segment, at) => (
        <SegmentView
          key={segment.key}
          segment={segment}
          message={message}
          card={cards.get(segment.key)}
          isLast={at === segments.length - 1}
        />
      ))}
      <Suspense>
        {asks.map((ask) => (
          <AskCard key={ask._id} ask={ask} />
        ))}
      </Suspense>
      <End message={message} isQueued={isQueued} isAsking={asks.some(({ status }) => status === "open")} onContinue={onContinue}>
        {hasChanges && <Changes message={message} />}
      </End>
    </article>
  );
}

interface SegmentProps {
  segment: Segment;
  message: Message;
  card: Card | undefined;
  isLast: boolean;
}

function SegmentView({ segment, message, card, isLast }: SegmentProps) {
  const isWritten = message.status === "processing";
  if (segment.kind === "call") return <ToolCard messageId={message._id} call={segment} card={card} isWritten={isWritten} />;
  if (segment.kind === "text") return <Prose text={segment.text} />;
  return <Thinking messageId={message._id} segment={segment} isNow={isWritten && isLast} />;
}

function Thinking({ messageId, segment, isNow }: { messageId: string; segment: ProseSegment; isNow: boolean }) {
  const [isOpen, setOpen] = useOpen(`${messageId}.${segment.key}`);
  if (segment.kind === "condensing")
    return <p className={styles.aside}>{isNow ? "Summing up the conversation…" : "Summed up the conversation so far"}</p>;
  return (
    <div className={styles.thinking}>
      <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="chevron" className={isOpen ? styles.opened : undefined} />
        {isNow ? "Thinking…" : "Thought"}
      </button>
      {isOpen && <Prose text={segment.text} />}
    </div>
  );
}

interface EndProps {
  message: Message;
  isQueued: boolean;
  isAsking: boolean;
  onContinue: () => void;
  children: ReactNode;
}

/** One line below an answer, there from its beginning on: its height does not change when the answer ends well. */
function End({ message, isQueued, isAsking, onContinue, children }: EndProps) {
  const api = useApi();
  const say = useNotices();
  const { status, error, endedEarly, waitingUntil, usage, model } = message;
  async function retry() {
    try {
      await api.call("POST", `/messages/${message._id}/retry`);
    } catch (problem) {
      say(wordsOf(problem));
    }
  }
  if (status === "processing") {
    const waits =
      waitingUntil === undefined
        ? "Working…"
        : `The provider is busy; it goes on by itself at ${new Date(waitingUntil).toLocaleTimeString()}`;
    return <p className={styles.end}>{isAsking ? "Waiting for you" : isQueued ? "Waiting for its turn" : waits}</p>;
  }
  const facts = [model?.slice(model.indexOf("/") + 1), usage && usageWords(usage), tookWords(message.startedAt, message.endedAt)]
    .filter(Boolean)
    .join(" · ");
  return (
    <>
      {status === "failed" && (
        <div className={styles.failed} role="alert">
          <Icon name="warn" />
          <p>{error ?? "The answer failed."}</p>
          <Button onClick={() => void retry()}>
            <Icon name="retry" /> Try again
          </Button>
        </div>
      )}
      {endedEarly !== undefined && (
        <div className={styles.early}>
          <p>{EARLY_WORDS[endedEarly]}</p>
          <Button onClick={onContinue}>Continue</Button>
        </div>
      )}
      <p className={styles.end} title={model}>
        <span>
          {status === "cancelled" ? "Stopped" : status === "failed" ? "Failed" : "Done"}
          {facts === "" ? "" : ` · ${facts}`}
        </span>
        {status === "cancelled" && (
          <button type="button" className={styles.again} onClick={() => void retry()}>
            Answer again
          </button>
        )}
        {children}
      </p>
    </>
  );
}

function Changes({ message }: { message: Message }) {
  const [isShown, setShown] = useState(false);
  return (
    <>
      <button type="button" className={styles.again} onClick={() => setShown(true)}>
        Changes, undo
      </button>
      <Suspense>
        {isShown && <ChangesDialog projectId={message.projectId} messageId={message._id} onClose={() => setShown(false)} />}
      </Suspense>
    </>
  );
}
