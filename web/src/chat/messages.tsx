// The messages of a conversation: only those in sight are in the page, however many there are.
import { type ReactNode, type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Message } from "../data/answer.ts";
import { rowAt, seenRows, startsOf } from "../ui/rows.ts";
import { useView } from "../ui/use-view.ts";
import styles from "./messages.module.css";

const AT_END = 48; // pixels: nearer than this the person is at the end, and stays there while it grows
const NEAR_TOP = 600; // pixels: older messages are asked for before the first one is reached
const AROUND = 400; // pixels above and below that are drawn as well
const SPACE = { gap: 16, padding: 16 };

interface MessagesProps {
  messages: readonly Message[];
  keep: (message: Message) => boolean; // it stays in the page, though out of sight: something is being done in it
  onNearTop: () => void;
  row: (message: Message) => ReactNode;
  children?: ReactNode; // what stands there instead of messages
}

/** The end stays in sight while it grows, unless the person has scrolled away; older messages that come move nothing. */
export function Messages({ messages, keep, onNearTop, row, children }: MessagesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [heights, measure] = useHeights();
  const starts = startsOf(messages.length, (at) => heights.get(messages[at]?._id ?? "") ?? guess(messages[at]), SPACE);
  const view = useAnchor(scroller, messages, starts);
  const isNearTop = messages.length > 0 && view.top < NEAR_TOP;
  useEffect(() => {
    if (isNearTop) onNearTop();
  }, [isNearTop, onNearTop]);
  const [first, last] = seenRows(starts, view.top - AROUND, view.top + view.height + AROUND) ?? [0, -1];
  return (
    <div ref={scroller} className={styles.scroller} tabIndex={0} role="group" aria-label="Messages">
      {children}
      <div className={styles.rows} style={{ height: messages.length === 0 ? 0 : starts.at(-1) }}>
        {messages.map((message, at) =>
          (at < first || at > last) && !keep(message) ? null : (
            <div
              key={message._id}
              ref={measure}
              data-id={message._id}
              className={styles.row}
              style={{ transform: `translateY(${starts[at]}px)` }}
            >
              {row(message)}
            </div>
          ),
        )}
      </div>
    </div>
  );
}

/** The heights of the rows that have been seen, by id; drawn anew before anybody sees a wrong one. */
function useHeights(): [ReadonlyMap<string, number>, (row: HTMLElement | null) => (() => void) | undefined] {
  const [heights, setHeights] = useState<ReadonlyMap<string, number>>(new Map());
  const observer = useMemo(
    () =>
      new ResizeObserver((entries) => {
        const seen = entries.map(({ target, borderBoxSize }): [string, number] => [
          (target as HTMLElement).dataset["id"] ?? "",
          borderBoxSize[0]?.blockSize ?? 0,
        ]);
        flushSync(() =>
          setHeights((before) => (seen.every(([id, height]) => before.get(id) === height) ? before : new Map([...before, ...seen]))),
        );
      }),
    [],
  );
  const measure = useMemo(
    () => (row: HTMLElement | null) => {
      if (row === null) return undefined;
      observer.observe(row);
      return () => observer.unobserve(row);
    },
    [observer],
  );
  return [heights, measure];
}

/** Holds the end, or the first message in sight, where it is while heights and messages change; a person's own message leads to the end. */
function useAnchor(scroller: RefObject<HTMLDivElement | null>, messages: readonly Message[], starts: readonly number[]) {
  const anchor = useRef({ id: "", offset: 0, isAtEnd: true, top: 0, height: 0 });
  const latest = useRef({ messages, starts });
  latest.current = { messages, starts };
  const onScroll = useCallback((outer: HTMLElement) => {
    const now = latest.current;
    const before = anchor.current;
    if (before.isAtEnd && before.height !== outer.clientHeight) outer.scrollTop = outer.scrollHeight; // it was squeezed
    const [top, height] = [outer.scrollTop, outer.clientHeight];
    const at = Math.min(rowAt(now.starts, top), Math.max(0, now.messages.length - 1));
    // Who is at the end leaves it by scrolling up alone: what grows meanwhile is not their doing.
    const isAtEnd = outer.scrollHeight - top - height < AT_END || (before.isAtEnd && top >= before.top);
    anchor.current = { id: now.messages[at]?._id ?? "", offset: top - (now.starts[at] ?? 0), isAtEnd, top, height };
  }, []);
  const view = useView(scroller, onScroll);
  const saidLast = messages.findLast(({ role }) => role === "user")?._id;
  const shownLast = useRef(saidLast);
  useLayoutEffect(() => {
    const outer = scroller.current;
    if (outer === null) return;
    const { id, offset, isAtEnd } = anchor.current;
    const at = messages.findIndex(({ _id }) => _id === id);
    const top = (starts[at] ?? 0) + offset;
    if (isAtEnd || saidLast !== shownLast.current) outer.scrollTop = outer.scrollHeight;
    else if (at >= 0 && Math.abs(top - outer.scrollTop) > 1) outer.scrollTop = top;
    shownLast.current = saidLast;
  });
  return view;
}

/** Pixels, before a row has been seen: what is near the truth moves the bar of the scroller little. */
function guess(message: Message | undefined): number {
  if (message === undefined) return 0;
  const lines = Math.ceil(message.content.length / 60) + message.content.split("\n", 400).length;
  return (message.role === "user" ? 16 : 48) + 20 * Math.min(lines, 400);
}
