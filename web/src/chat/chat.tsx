// A conversation: its messages, the agent's plan, and where a person writes.
import { usePaginatedQuery, useQuery } from "convex/react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import type { Message } from "../data/answer.ts";
import { wordsOf } from "../ui/problems.ts";
import { useNotices } from "../ui/notices.tsx";
import { Answer } from "./answer.tsx";
import styles from "./chat.module.css";
import { Composer, type Draft } from "./composer.tsx";
import { ConversationFoot } from "./conversation-foot.tsx";
import { Messages } from "./messages.tsx";
import { Plan } from "./plan.tsx";
import { Said } from "./said.tsx";

const PAGE = 20;
const MORE = 60; // of older ones, while somebody scrolls through them

interface ChatProps {
  projectId: Id<"projects">;
  conversationId: Id<"conversations">;
}

export function Chat({ projectId, conversationId }: ChatProps) {
  const http = useApi();
  const say = useNotices();
  const input = useRef<HTMLTextAreaElement>(null);
  const { results, status, loadMore } = usePaginatedQuery(api.messages.list, { conversationId }, { initialNumItems: PAGE });
  const asks = useQuery(api.asks.list, { conversationId });
  const messages = useMemo(() => results.toReversed(), [results]);
  const working = messages.find((message) => message.status === "processing");
  const isBusy = working !== undefined;
  const isBusyWith = useCallback(({ status }: Message) => status === "processing", []);
  const showOlder = useCallback(() => {
    if (status === "CanLoadMore") loadMore(MORE);
  }, [status, loadMore]);
  async function send(draft: Partial<Draft>) {
    await http.call("POST", "/messages", { conversationId, ...draft });
  }
  function stop() {
    if (working === undefined) return;
    http.call("POST", "/messages/cancel", { messageId: working._id }).catch((error: unknown) => say(wordsOf(error)));
  }
  useStopKey(stop);
  return (
    <section className={styles.chat} aria-label="Chat">
      <Messages
        messages={messages}
        keep={isBusyWith}
        onNearTop={showOlder}
        row={(message) =>
          message.role === "user" ? (
            <Said message={message} />
          ) : (
            <Answer
              message={message}
              asks={asks?.filter(({ messageId }) => messageId === message._id).toReversed() ?? []}
              isQueued={message.status === "processing" && message._id !== working?._id}
              onContinue={() => void send({ message: "continue" }).catch((error: unknown) => say(wordsOf(error)))}
            />
          )
        }
      >
        {status === "Exhausted" && messages.length === 0 && (
          <p className={styles.hint}>Say what is to be built, changed or explained. The agent reads and edits the files of this project.</p>
        )}
      </Messages>
      <p className={styles.heard} role="status">
        {isBusy ? "The agent is answering" : ""}
      </p>
      <Plan conversationId={conversationId} />
      <Composer projectId={projectId} input={input} isBusy={isBusy} onSend={send} onStop={stop}>
        <ConversationFoot conversationId={conversationId} />
      </Composer>
    </section>
  );
}

/** Esc stops the answer, unless a dialog or an editor has use for the key. */
function useStopKey(stop: () => void) {
  const latest = useRef(stop);
  latest.current = stop;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isElsewhere = event.target instanceof Element && event.target.closest("dialog, .cm-editor") !== null;
      if (event.key === "Escape" && !event.defaultPrevented && !isElsewhere) latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
