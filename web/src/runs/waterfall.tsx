// The steps of a run as bars over time: zoom by brush, wheel or keys; only the rows in sight are in the page.
import { type KeyboardEvent, memo, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { costWords, type Taken, tokenWords } from "../ui/amounts.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { drawnOf } from "../ui/rows.ts";
import { useView } from "../ui/use-view.ts";
import { Brush } from "./brush.tsx";
import { moved, type Piece, placed, type Row, type Span, ticksOf, wholeSpan, zoomed, zoomedTo } from "./timeline.ts";
import styles from "./waterfall.module.css";
import { duration, KINDS, SIGNS, stepWords } from "./words.ts";

const ROW = 28;
const PAGE = 10; // rows that a page key goes on by
const TICKS = 6;
const NEARER = 0.5;
const WHEEL = 1.2;
const STEP = 0.2; // of what is seen, by an arrow

const PIECES: Readonly<Record<Piece, string>> = {
  queued: "queued",
  work: "works",
  failed: "failed",
  between: "until the next attempt",
  sleep: "sleeps",
  wait: "waits",
  child: "invoked run",
  cut: "cut off",
  ahead: "still to come",
};

interface WaterfallProps {
  rows: readonly Row[];
  chosen: string;
  onChoose: (key: string) => void;
}

export function Waterfall({ rows, chosen, onChoose }: WaterfallProps) {
  const whole = useMemo(() => wholeSpan(rows), [rows]);
  const row = rows.find(({ key }) => key === chosen && key !== "");
  const [part, setPart] = useState<Span | null>(null); // null: the whole, however it grows
  const seen = part ?? whole;
  const isWhole = part === null;
  const show = (span: Span) => setPart(span.from <= whole.from && span.to >= whole.to ? null : span);
  function zoom(factor: number, at?: number) {
    const isNear = at === undefined && factor < 1 && row !== undefined; // to the step that is looked at
    show(isNear ? zoomedTo(seen, whole, factor, (row.from + row.to) / 2) : zoomed(seen, whole, factor, at));
  }
  return (
    <section className={styles.panel} aria-label="Time line">
      <header>
        <h2>{rows.length === 2 ? "1 step" : `${rows.length - 1} steps`}</h2>
        <Legend rows={rows} />
        <Button look="quiet" onClick={() => zoom(NEARER)}>
          Nearer
        </Button>
        <Button look="quiet" disabled={isWhole} onClick={() => zoom(1 / NEARER)}>
          Farther
        </Button>
        <Button look="quiet" disabled={isWhole} onClick={() => setPart(null)}>
          Whole
        </Button>
      </header>
      <Brush whole={whole} seen={seen} onSeen={show} />
      <Ruler seen={seen} zero={whole.from} />
      <Rows
        rows={rows}
        seen={seen}
        chosen={chosen}
        onChoose={onChoose}
        zooming={{ onZoom: zoom, onMove: (share) => show(moved(seen, whole, share)), onWhole: () => setPart(null) }}
      />
    </section>
  );
}

function Legend({ rows }: { rows: readonly Row[] }) {
  const used = useMemo(() => new Set(rows.flatMap(({ segments }) => segments.map(({ piece }) => piece))), [rows]);
  return (
    <ul className={styles.legend} aria-label="What the bars are">
      {[...used].map((piece) => (
        <li key={piece}>
          <i data-piece={piece} />
          {PIECES[piece]}
        </li>
      ))}
    </ul>
  );
}

function Ruler({ seen, zero }: { seen: Span; zero: number }) {
  return (
    <div className={styles.ruler} aria-hidden="true">
      <div>
        {ticksOf(seen, zero, TICKS).map((at) => (
          <span key={at} style={{ left: `${placed({ from: at, to: at }, seen)?.left ?? 0}%` }}>
            {duration(at - zero)}
          </span>
        ))}
      </div>
    </div>
  );
}

interface Zooming {
  onZoom: (factor: number, at?: number) => void;
  onMove: (share: number) => void;
  onWhole: () => void;
}

interface KeysProps extends Zooming {
  rows: readonly Row[];
  onChoose: (key: string) => void;
}

/** The row that the arrows have reached, which is scrolled to, and what the other keys do. */
function useKeys(scroller: RefObject<HTMLDivElement | null>, { rows, onChoose, onZoom, onMove, onWhole }: KeysProps) {
  const [focused, setFocused] = useState("");
  const at = Math.max(
    0,
    rows.findIndex(({ key }) => key === focused),
  );
  function focus(next: number) {
    const to = Math.min(rows.length - 1, Math.max(0, next));
    setFocused(rows[to]?.key ?? "");
    const outer = scroller.current;
    if (outer === null) return;
    if (to * ROW < outer.scrollTop) outer.scrollTop = to * ROW;
    else if ((to + 1) * ROW > outer.scrollTop + outer.clientHeight) outer.scrollTop = (to + 1) * ROW - outer.clientHeight;
  }
  function onKey(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const toRow = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: at + PAGE, PageUp: at - PAGE }[event.key];
    if (toRow !== undefined) focus(toRow);
    else if (event.key === "Enter" || event.key === " ") onChoose(rows[at]?.key ?? "");
    else if (event.key === "+") onZoom(NEARER);
    else if (event.key === "-") onZoom(1 / NEARER);
    else if (event.key === "0") onWhole();
    else if (event.key === "ArrowLeft") onMove(-STEP);
    else if (event.key === "ArrowRight") onMove(STEP);
    else return;
    event.preventDefault();
  }
  return { at, setFocused, onKey };
}

interface RowsProps extends WaterfallProps {
  seen: Span;
  zooming: Zooming;
}

function Rows({ rows, seen, chosen, onChoose, zooming }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const { first, drawn } = drawnOf(rows, ROW, view);
  const { at, setFocused, onKey } = useKeys(scroller, { rows, onChoose, ...zooming });
  useWheel(scroller, zooming.onZoom);
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="listbox"
      aria-label="Steps: arrows choose and move, Enter opens, plus and minus zoom"
      tabIndex={0}
      aria-activedescendant={at >= first && at < first + drawn.length ? `bar-${at}` : undefined}
      onKeyDown={onKey}
    >
      <div style={{ height: rows.length * ROW }} role="presentation">
        {drawn.map((row, index) => (
          <div
            key={row.key}
            id={`bar-${first + index}`}
            role="option"
            aria-selected={row.key === chosen && row.step !== undefined}
            data-focused={first + index === at || undefined}
            className={styles.row}
            style={{ transform: `translateY(${(first + index) * ROW}px)` }}
            onClick={() => (setFocused(row.key), onChoose(row.key))}
          >
            <Bar row={row} seen={seen} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Bar({ row, seen }: { row: Row; seen: Span }) {
  return (
    <>
      <Name row={row} />
      <span className={styles.track}>
        {row.segments.map((segment) => {
          const place = placed(segment, seen);
          if (place === null) return null;
          const style = { left: `${place.left}%`, width: `${place.width}%` };
          return <i key={`${segment.piece} ${segment.from}`} data-piece={segment.piece} style={style} />;
        })}
      </span>
      <span className={styles.took}>{duration(row.to - row.from)}</span>
    </>
  );
}

function takenWords({ inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, costUsd }: Taken): string {
  const tokens = tokenWords(inputTokens + cacheReadTokens + cacheWriteTokens + outputTokens);
  return costUsd === undefined ? tokens : `${tokens}, ${costWords(costUsd)}`;
}

/** What a zoom does not change. */
const Name = memo(function Name({ row: { name, kind, step } }: { row: Row }) {
  const icon = step === undefined ? "folder" : kind === undefined || kind === "whole" ? "code" : KINDS[kind].icon;
  const status = step?.status;
  const isNoted = status !== undefined && status !== "completed";
  return (
    <span className={styles.name} title={step?.stepId ?? name}>
      <Icon name={icon} />
      <b>{name}</b>
      {step?.usage !== undefined && <em aria-hidden="true">{takenWords(step.usage)}</em>}
      {isNoted && (
        <em data-tone={SIGNS[status].tone} aria-hidden="true">
          {SIGNS[status].word}
        </em>
      )}
      <span className={styles.said}>: {step === undefined ? "the whole run" : stepWords(step)},</span>
    </span>
  );
});

/** The wheel with Ctrl zooms where the pointer is; without, it scrolls. */
function useWheel(scroller: RefObject<HTMLDivElement | null>, onZoom: (factor: number, at?: number) => void): void {
  const latest = useRef(onZoom);
  latest.current = onZoom;
  useEffect(() => {
    const outer = scroller.current;
    function onWheel(event: WheelEvent) {
      if (!event.ctrlKey || outer === null) return;
      event.preventDefault(); // the browser would zoom the page
      const track = outer.querySelector(`.${styles.track}`)?.getBoundingClientRect();
      const at = track === undefined || track.width === 0 ? 0.5 : (event.clientX - track.left) / track.width;
      latest.current(event.deltaY > 0 ? WHEEL : 1 / WHEEL, Math.min(1, Math.max(0, at)));
    }
    outer?.addEventListener("wheel", onWheel, { passive: false });
    return () => outer?.removeEventListener("wheel", onWheel);
  }, [scroller]);
}
