// A call of the agent: what it does, how it stands, and, opened, all of it.
import { lazy, Suspense } from "react";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import type { Card } from "../data/answer.ts";
import type { Call } from "../data/deltas.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { useOpen } from "../ui/use-open.ts";
import styles from "./tool-card.module.css";
import { CALL_WORDS, subjectOf, toolWords, tookWords } from "./words.ts";

const WholeCall = lazy(() => import("./whole-call.tsx"));
const ICONS: Readonly<Record<keyof typeof CALL_WORDS, IconName>> = {
  writing: "pencil",
  pending: "clock",
  running: "spark",
  completed: "check",
  failed: "warn",
  cancelled: "stop",
  skipped: "close",
};

interface ToolCardProps {
  messageId: Id<"messages">;
  call: Call;
  card: Card | undefined;
  isWritten: boolean; // the answer is under way
}

export function ToolCard({ messageId, call, card, isWritten }: ToolCardProps) {
  const [isOpen, setOpen] = useOpen(`${messageId}.${call.key}`);
  const status = card?.status ?? (isWritten ? "writing" : "cancelled");
  const name = card?.name ?? call.name;
  const subject = subjectOf(card?.line ?? call.input);
  const changed = card?.changed;
  return (
    <div className={styles.card} data-status={status}>
      <button type="button" className={styles.head} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name={ICONS[status]} className={styles.sign} />
        <span className={styles.name}>{toolWords(name)}</span>
        <span className={styles.subject}>{subject}</span>
        {changed !== undefined && (
          <span className={styles.changed}>
            <b>+{changed.added}</b> <b>−{changed.removed}</b>
          </span>
        )}
        <span className={styles.status}>
          {CALL_WORDS[status]} {status === "completed" || status === "failed" ? tookWords(card?.startedAt, card?.endedAt) : ""}
        </span>
        <Icon name="chevron" className={isOpen ? styles.opened : undefined} />
      </button>
      {isOpen && (
        <Suspense fallback={<p className={styles.loading}>Loading…</p>}>
          <WholeCall messageId={messageId} card={card} call={call} />
        </Suspense>
      )}
    </div>
  );
}
