// Two kinds of plots: bars on top of one another, and lines.
import type { ReactNode } from "react";
import styles from "./jobs.module.css";
import { blocksOf, lineOf, topOf } from "./plot.ts";

interface Row<Value> {
  readonly name: string;
  readonly tone: "ok" | "bad" | "warn" | "accent" | "muted";
  readonly values: readonly Value[];
}

interface PlotProps<Value> {
  title: string;
  said: string; // what it shows, for who does not see it
  times: readonly number[];
  rows: readonly Row<Value>[];
  words?: (value: number) => string;
}

export function Bars(props: PlotProps<number>) {
  const numbers = props.rows.map(({ values }) => values);
  const top = topOf(Math.max(0, ...props.times.map((_, at) => numbers.reduce((sum, values) => sum + (values[at] ?? 0), 0))));
  return (
    <Frame {...props} top={top}>
      {props.rows.map(({ name, tone }, which) => (
        <g key={name} data-tone={tone} fill="currentColor">
          {blocksOf(numbers, which, top).map((block) => (
            <rect key={block.x} {...block} />
          ))}
        </g>
      ))}
    </Frame>
  );
}

export function Lines(props: PlotProps<number | undefined>) {
  const top = topOf(Math.max(0, ...props.rows.flatMap(({ values }) => values.map((value) => value ?? 0))));
  return (
    <Frame {...props} top={top}>
      {props.rows.map(({ name, tone, values }) => (
        <path
          key={name}
          data-tone={tone}
          d={lineOf(values, top)}
          fill="none"
          stroke="currentColor"
          strokeWidth={2}
          vectorEffect="non-scaling-stroke"
        />
      ))}
    </Frame>
  );
}

function Frame({ title, said, times, rows, words = String, top, children }: PlotProps<unknown> & { top: number; children: ReactNode }) {
  const [first, last] = [times[0], times.at(-1)];
  return (
    <section className={styles.plot} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <ul className={styles.legend}>
          {rows.map(({ name, tone }) => (
            <li key={name}>
              <i data-tone={tone} />
              {name}
            </li>
          ))}
        </ul>
      </header>
      <svg role="img" aria-label={`${title}: ${said}; up to ${words(top)}`}>
        <text x="0" y="10">
          {words(top)}
        </text>
        <svg x="0" y="14" width="100%" height="106" viewBox="0 0 100 100" preserveAspectRatio="none">
          {[0, 50, 100].map((y) => (
            <line key={y} className={styles.grid} x1="0" x2="100" y1={y} y2={y} vectorEffect="non-scaling-stroke" />
          ))}
          {children}
        </svg>
        <text x="0" y="136">
          {first === undefined ? "" : timeOf(first)}
        </text>
        <text x="100%" y="136" textAnchor="end">
          {last === undefined ? "" : timeOf(last)}
        </text>
      </svg>
    </section>
  );
}

function timeOf(at: number): string {
  return new Date(at).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}
