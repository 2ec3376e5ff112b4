// The segments of one answer, live while it is written, and the same ones afterwards.
import { useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { useEffect, useMemo, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import { applied, type Segment, settled, withRest } from "./deltas.ts";
import { Kept } from "./kept.ts";

export type Message = FunctionReturnType<typeof api.messages.list>["page"][number];
export type Card = FunctionReturnType<typeof api.messages.toolCards>["cards"][number];

const CURSOR_STEP = 5; // deltas: fewer move the cursor too often, more are sent again too often (measured: 198 kB for 16 kB)

const seenSegments = new Kept<readonly Segment[]>(200);
const seenCards = new Kept<ReadonlyMap<string, Card>>(200);

/** An answer as it has ended: answered again, it is another one. */
function endOf({ _id, status, endedAt }: Message): string {
  return `${_id} ${status} ${endedAt}`;
}

/** What is to be shown of an answer, in order. */
export function useSegments(message: Message): readonly Segment[] {
  const isWritten = message.status === "processing";
  const [base, setBase] = useState<{ from: number; segments: readonly Segment[] }>({ from: 0, segments: [] });
  const [isFollowed, setFollowed] = useState(message.status !== "completed");
  if (isWritten && !isFollowed) setFollowed(true);
  const [wasWritten, setWasWritten] = useState(isWritten); // seen from its beginning: nothing of it has to come again
  if (isWritten && !wasWritten) setWasWritten(true);
  const page = useQuery(api.messages.deltas, isFollowed ? { messageId: message._id, from: base.from } : "skip");
  const parts = useQuery(api.messages.parts, wasWritten ? "skip" : { messageId: message._id });
  const text = useQuery(api.messages.text, !wasWritten && message.isCut ? { messageId: message._id } : "skip");
  const streamed = useMemo(() => (page === undefined ? base.segments : applied(base.segments, page.runs)), [base, page]);
  useEffect(() => {
    if (page === undefined) return;
    const isAtEnd = page.status !== "processing" && !page.hasMore;
    if (page.next - base.from >= CURSOR_STEP || page.hasMore || (isAtEnd && page.next > base.from)) {
      setBase({ from: page.next, segments: streamed });
    } else if (isAtEnd && !isWritten) setFollowed(false);
  }, [page, base.from, streamed, isWritten]);
  return useMemo(() => {
    if (isWritten) return streamed;
    if (wasWritten) return seenSegments.put(endOf(message), message.isCut ? streamed : withRest(streamed, message.content));
    if (parts === undefined) return seenSegments.get(endOf(message)) ?? (streamed.length > 0 ? streamed : headOf(message));
    const content = message.isCut ? text : message.content;
    const whole = settled(parts, streamed);
    return content === undefined ? whole : seenSegments.put(endOf(message), withRest(whole, content));
  }, [isWritten, wasWritten, parts, streamed, text, message]);
}

/** The text of an answer before its parts have come: most of them are nothing else. */
function headOf({ content }: Message): readonly Segment[] {
  return content === "" ? [] : [{ key: "0.text.0", turn: 0, kind: "text", text: content }];
}

interface KeptCards {
  readonly after?: number; // the revision up to which they are known
  readonly cards: ReadonlyMap<string, Card>;
}

const NO_CARDS: KeptCards = { cards: new Map() };

/** The cards of an answer's calls, by turn and id. Each state of a call is sent once: what is known is kept. */
export function useCards(message: Message): ReadonlyMap<string, Card> {
  const [kept, setKept] = useState(NO_CARDS);
  const which = { messageId: message._id };
  const page = useQuery(api.messages.toolCards, kept.after === undefined ? which : { ...which, after: kept.after });
  const isWritten = message.status === "processing";
  const [wasWritten, setWasWritten] = useState(isWritten);
  if (wasWritten !== isWritten) {
    setWasWritten(isWritten);
    if (isWritten) setKept(NO_CARDS); // it is answered again: its turns count from 0
  }
  const cards = useMemo(() => {
    if (page === undefined || page.cards.length === 0) return kept.cards;
    return new Map([...kept.cards, ...page.cards.map((card): [string, Card] => [`${card.turn}.call.${card.id}`, card])]);
  }, [kept, page]);
  useEffect(() => {
    if (page !== undefined && isWritten && page.next > (kept.after ?? 0)) setKept({ after: page.next, cards });
  }, [page, kept, cards, isWritten]);
  if (isWritten) return cards;
  return page === undefined && cards.size === 0 ? (seenCards.get(endOf(message)) ?? cards) : seenCards.put(endOf(message), cards);
}
