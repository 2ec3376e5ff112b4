// The whole time of a run in small; dragging over it chooses the part that is seen.
import { type PointerEvent, useRef } from "react";
import { brushed, placed, type Span } from "./timeline.ts";
import styles from "./waterfall.module.css";

const LEAST_SHARE = 0.005; // less is a click, which shows the whole

export function Brush({ whole, seen, onSeen }: { whole: Span; seen: Span; onSeen: (span: Span) => void }) {
  const from = useRef<number | null>(null);
  const place = placed(seen, whole);
  function shareOf(event: PointerEvent<HTMLElement>): number {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return (event.clientX - left) / width;
  }
  function onMove(event: PointerEvent<HTMLElement>) {
    if (from.current !== null && Math.abs(shareOf(event) - from.current) > LEAST_SHARE)
      onSeen(brushed(whole, from.current, shareOf(event)));
  }
  function onUp(event: PointerEvent<HTMLElement>) {
    if (from.current !== null && Math.abs(shareOf(event) - from.current) <= LEAST_SHARE) onSeen(whole);
    from.current = null;
  }
  return (
    <div className={styles.brush} aria-hidden="true">
      <div
        title="Drag to see a part, click to see the whole"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          from.current = shareOf(event);
        }}
        onPointerMove={onMove}
        onPointerUp={onUp}
      >
        <i style={{ left: `${place?.left ?? 0}%`, width: `${place?.width ?? 100}%` }} />
      </div>
    </div>
  );
}
