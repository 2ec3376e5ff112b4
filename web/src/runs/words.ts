// States, times and reasons of runs in words. Pure.
import { type Taken, usageWords } from "../ui/amounts.ts";
import type { IconName } from "../ui/icon.tsx";
import type { Failure, Kind, RunDetail, Status, Step, StepStatus } from "./wire.ts";

type Tone = "ok" | "bad" | "warn" | "accent" | "muted";

export interface Sign {
  readonly icon: IconName;
  readonly word: string;
  readonly tone: Tone;
}

export const SIGNS: Readonly<Record<Status | StepStatus, Sign>> = {
  scheduled: { icon: "clock", word: "Scheduled", tone: "muted" },
  queued: { icon: "more", word: "Queued", tone: "warn" },
  running: { icon: "chevron", word: "Running", tone: "accent" },
  completed: { icon: "check", word: "Completed", tone: "ok" },
  failed: { icon: "warn", word: "Failed", tone: "bad" },
  cancelled: { icon: "stop", word: "Cancelled", tone: "muted" },
  retrying: { icon: "retry", word: "Retrying", tone: "warn" },
  sleeping: { icon: "theme", word: "Sleeping", tone: "muted" },
  waiting: { icon: "clock", word: "Waiting", tone: "warn" },
  interrupted: { icon: "stop", word: "Interrupted", tone: "muted" },
};

export const KINDS: Readonly<Record<Kind, { icon: IconName; word: string }>> = {
  run: { icon: "code", word: "Step" },
  sleep: { icon: "theme", word: "Sleep" },
  wait_for_event: { icon: "clock", word: "Wait for an event" },
  wait_for_signal: { icon: "clock", word: "Wait for a signal" },
  invoke: { icon: "share", word: "Invoked run" },
  send_event: { icon: "send", word: "Sent events" },
  race: { icon: "spark", word: "Race" },
};

/** `320 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return parts(seconds, 60, "min", "s");
  const minutes = Math.round(seconds / 60);
  return minutes < 48 * 60 ? parts(minutes, 60, "h", "min") : parts(Math.round(minutes / 60), 24, "d", "h");
}

function parts(small: number, each: number, big: string, unit: string): string {
  const rest = small % each;
  return `${Math.floor(small / each)} ${big}${rest === 0 ? "" : ` ${rest} ${unit}`}`;
}

/** The time of a day, with the date where it is another day than `now`. */
export function moment(ms: number, now = Date.now()): string {
  const at = new Date(ms);
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? at.toLocaleTimeString() : at.toLocaleString();
}

export function failureWords({ name, code, message }: Failure): string {
  const what = code === undefined || code === name ? name : `${name} (${code})`;
  return message === undefined || message === "" ? what : `${what}: ${message}`;
}

/** What the steps of a run took of models, together; a cost where one is known. */
export function takenBy({ steps }: RunDetail): Taken | undefined {
  const all = steps.flatMap(({ usage }) => usage ?? []);
  if (all.length === 0) return undefined;
  const sum = (of: (usage: Taken) => number) => all.reduce((before, usage) => before + of(usage), 0);
  return {
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    cacheReadTokens: sum(({ cacheReadTokens }) => cacheReadTokens),
    cacheWriteTokens: sum(({ cacheWriteTokens }) => cacheWriteTokens),
    costUsd: all.some(({ costUsd }) => costUsd !== undefined) ? sum(({ costUsd = 0 }) => costUsd) : undefined,
  };
}

const HOLDS: Readonly<Record<string, string>> = {
  delay: "Its time to start has not come",
  gathering: "It gathers more events",
  throttle: "Its throttle lets it start in turn",
  paused: "Its job is paused",
  concurrency: "Others hold all places of its concurrency limit",
  worker: "No worker has room",
};

/** Why a run does not execute yet, and until when. */
export function holdWords({ reason, until, keys }: NonNullable<RunDetail["hold"]>): string {
  const which = keys === undefined ? "" : ` (${keys.join(", ")})`;
  return `${HOLDS[reason] ?? reason}${which}${until === undefined ? "" : `, until ${moment(until)}`}.`;
}

/** What a step is, how far, and how it ended, in a line. */
export function stepWords(step: Step): string {
  return [kindWord(step), SIGNS[step.status].word.toLowerCase(), ...detailsOf(step)].join(", ");
}

/** The same beside a sign of its state. */
export function stepAside(step: Step): string {
  return [kindWord(step), ...detailsOf(step)].join(", ");
}

function kindWord({ kind }: Step): string {
  return kind === undefined ? "Step" : KINDS[kind].word;
}

function detailsOf({ status, tries, until, endedBy, usage }: Step): readonly string[] {
  const how = endedBy === undefined ? "" : { event: "the event came", signal: "the signal came", timeout: "nothing came in time" }[endedBy];
  const isOpen = status === "sleeping" || status === "waiting" || status === "retrying";
  const due = until === undefined || !isOpen ? "" : `until ${moment(until)}`;
  const taken = usage === undefined ? "" : usageWords(usage);
  return [how, due, tries.length > 1 ? `${tries.length} attempts` : "", taken].filter(Boolean);
}
