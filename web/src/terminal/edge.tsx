// The upper edge of the terminal, by which it is made higher and lower: drawn with the pointer, or by the arrows.
import { type KeyboardEvent, type PointerEvent, useState } from "react";
import styles from "./terminal.module.css";

const [LEAST, MOST, USUAL, STEP] = [12, 80, 36, 4]; // of the height of the window, in percent
const KEY = "polaris.terminal-height";

/** How high it is, kept for the browser. */
export function useHeight(): [number, (height: number) => void] {
  const [height, setHeight] = useState(() => bounded(Number(localStorage.getItem(KEY) ?? USUAL)));
  function change(to: number) {
    setHeight(bounded(to));
    localStorage.setItem(KEY, `${bounded(to)}`);
  }
  return [height, change];
}

function bounded(height: number): number {
  return Number.isNaN(height) ? USUAL : Math.round(Math.min(MOST, Math.max(LEAST, height)));
}

export function Edge({ height, onChange }: { height: number; onChange: (height: number) => void }) {
  function onMove(event: PointerEvent) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const bottom = event.currentTarget.parentElement?.getBoundingClientRect().bottom ?? innerHeight;
    onChange(((bottom - event.clientY) / innerHeight) * 100);
  }
  function onKey(event: KeyboardEvent) {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    onChange(height + step);
  }
  return (
    <div
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the terminal"
      aria-valuenow={height}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      tabIndex={0}
      className={styles.edge}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={onMove}
      onKeyDown={onKey}
      onDoubleClick={() => onChange(USUAL)}
    />
  );
}
