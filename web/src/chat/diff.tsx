// A unified diff as lines; added and removed ones are told apart by sign and colour.
import { use } from "react";
import { PlacesContext } from "../prose/prose.tsx";
import styles from "./diff.module.css";

interface DiffProps {
  path: string;
  diff: string;
  added: number;
  removed: number;
  change: string;
  isCut: boolean;
}

const MOST_LINES = 400; // of one file in a card; the editor shows the whole file

export function Diff({ path, diff, added, removed, change, isCut }: DiffProps) {
  const places = use(PlacesContext);
  const lines = diff.replace(/\n$/, "").split("\n");
  const isLong = lines.length > MOST_LINES;
  return (
    <figure className={styles.diff}>
      <figcaption>
        {places?.has(path) ? (
          <button type="button" onClick={() => places.open(path, firstLine(diff))}>
            {path}
          </button>
        ) : (
          <span>{path}</span>
        )}
        <span className={styles.counts}>
          {change} <b className={styles.plus}>+{added}</b> <b className={styles.minus}>−{removed}</b>
        </span>
      </figcaption>
      {diff !== "" && (
        <pre tabIndex={0} role="group" aria-label={`Changes of ${path}`}>
          {lines.slice(0, MOST_LINES).map((line, at) => (
            <div key={at} className={classOf(line)}>
              {line || " "}
            </div>
          ))}
        </pre>
      )}
      {(isCut || isLong) && <p>The rest is not shown here.</p>}
    </figure>
  );
}

function classOf(line: string): string | undefined {
  if (line.startsWith("+")) return styles.added;
  if (line.startsWith("-")) return styles.removed;
  return line.startsWith("@@") ? styles.hunk : undefined;
}

function firstLine(diff: string): number | undefined {
  const found = /^@@ -\S+ \+(\d+)/m.exec(diff)?.[1];
  return found === undefined ? undefined : Math.max(1, Number(found));
}
