// A conversation: its messages, the agent's plan, and where a person writes.
import { usePaginatedQuery, useQuery } from "convex/react";
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import type { Message } from "../data/answer.ts";
import { wordsOf } from "../data/problems.ts";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { Answer } from "./answer.tsx";
import type { AskDoc } from "./ask-card.tsx";
import styles from "./chat.module.css";
import { Composer } from "./composer.tsx";
import { Plan } from "./plan.tsx";

const PAGE = 20;

export function Chat({ conversationId }: { conversationId: Id<"conversations"> }) {
  const http = useApi();
  const say = useNotices();
  const input = useRef<HTMLTextAreaElement>(null);
  const { results, status, loadMore } = usePaginatedQuery(api.messages.list, { conversationId }, { initialNumItems: PAGE });
  const asks = useQuery(api.asks.list, { conversationId });
  const messages = results.toReversed();
  const working = messages.find((message) => message.status === "processing");
  const isBusy = working !== undefined;
  async function send(message: string, whenBusy?: string) {
    await http.call("POST", "/messages", { conversationId, message, whenBusy });
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
        asks={asks ?? []}
        working={working?._id}
        onContinue={() => void send("continue").catch((error: unknown) => say(wordsOf(error)))}
      >
        {status === "CanLoadMore" && <Button onClick={() => loadMore(PAGE)}>Show older messages</Button>}
        {status === "Exhausted" && messages.length === 0 && (
          <p className={styles.hint}>Say what is to be built, changed or explained. The agent reads and edits the files of this project.</p>
        )}
      </Messages>
      <p className={styles.heard} role="status">
        {isBusy ? "The agent is answering" : ""}
      </p>
      <Plan conversationId={conversationId} />
      <Composer input={input} isBusy={isBusy} onSend={send} onStop={stop} />
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

interface MessagesProps {
  messages: readonly Message[];
  asks: readonly AskDoc[];
  working: Id<"messages"> | undefined;
  onContinue: () => void;
  children: ReactNode;
}

/** The end stays in sight while it grows, unless the person has scrolled away from it. */
function Messages({ messages, asks, working, onContinue, children }: MessagesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const [outer, inner] = [scroller.current, content.current];
    if (outer === null || inner === null) return;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) outer.scrollTop = outer.scrollHeight;
    });
    observer.observe(inner);
    observer.observe(outer);
    return () => observer.disconnect();
  }, []);
  function onScroll() {
    const outer = scroller.current;
    if (outer !== null) isAtEnd.current = outer.scrollHeight - outer.scrollTop - outer.clientHeight < 32;
  }
  return (
    <div ref={scroller} className={styles.scroller} onScroll={onScroll} tabIndex={0} role="group" aria-label="Messages">
      <div ref={content} className={styles.content}>
        {children}
        {messages.map((message) =>
          message.role === "user" ? (
            <div key={message._id} className={styles.said}>
              {message.content}
              {message.steers !== undefined && <small>said while it was answering</small>}
            </div>
          ) : (
            <Answer
              key={message._id}
              message={message}
              asks={asks.filter(({ messageId }) => messageId === message._id).toReversed()}
              isQueued={message.status === "processing" && message._id !== working}
              onContinue={onContinue}
            />
          ),
        )}
      </div>
    </div>
  );
}
