// Lines of files in a list, each opened at its place; one of them is chosen, by keys that are pressed elsewhere or by the pointer.
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { byFile, type FoundLine, partsOf } from "./found.ts";
import styles from "./found-lines.module.css";

interface Chosen {
  readonly at: number;
  readonly choose: (at: number) => void;
  readonly onKey: (event: KeyboardEvent) => void;
}

/** The first of these lines, until another is chosen; Enter opens it. */
export function useChosen(lines: readonly FoundLine[], onOpen: (line: FoundLine) => void): Chosen {
  const [at, choose] = useState(0);
  useEffect(() => choose(0), [lines]);
  function onKey(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const line = lines[at];
    if (step !== undefined) choose(Math.min(Math.max(at + step, 0), Math.max(0, lines.length - 1)));
    else if (event.key === "Enter" && line !== undefined) onOpen(line);
    else return;
    event.preventDefault();
  }
  return { at, choose, onKey };
}

/** For the element that has the focus while the list is chosen from. */
export function lineId(lines: readonly FoundLine[], at: number): string | undefined {
  return lines[at] === undefined ? undefined : `found-${at}`;
}

interface LinesProps {
  label: string;
  hasFocus?: boolean; // by itself: no input is beside it
  lines: readonly FoundLine[];
  lengthOf: (line: FoundLine) => number; // of what is shown as found in it
  chosen: Chosen;
  isOld?: boolean; // others are looked for
  onOpen: (line: FoundLine) => void;
}

export function FoundLines({ label, hasFocus = false, lines, lengthOf, chosen, isOld = false, onOpen }: LinesProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [chosen.at]);
  return (
    <div
      ref={list}
      id="found"
      role="listbox"
      aria-label={label}
      aria-activedescendant={hasFocus ? lineId(lines, chosen.at) : undefined}
      tabIndex={hasFocus ? 0 : -1}
      className={styles.list}
      data-old={isOld || undefined}
      onKeyDown={hasFocus ? chosen.onKey : undefined}
    >
      {byFile(lines).map(([path, itsLines]) => (
        <div key={path} role="group" aria-label={path}>
          <div className={styles.path} aria-hidden>
            {path}
          </div>
          {itsLines.map((line) => {
            const at = lines.indexOf(line);
            const [before, match, after] = partsOf(line, lengthOf(line));
            return (
              <div
                key={at}
                id={`found-${at}`}
                role="option"
                aria-selected={at === chosen.at}
                className={styles.line}
                onPointerMove={() => chosen.choose(at)}
                onClick={() => onOpen(line)}
              >
                <small>{line.line}</small>
                <code>
                  {before}
                  <mark>{match}</mark>
                  {after}
                </code>
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
}
