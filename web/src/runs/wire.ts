// What the API says of runs, jobs and metrics, as docs/http-api.md has it; times in milliseconds since 1970.
import type { Taken } from "../ui/amounts.ts";

export const STATUSES = ["running", "queued", "scheduled", "completed", "failed", "cancelled"] as const;
export type Status = (typeof STATUSES)[number];

export interface Failure {
  readonly name: string;
  readonly code?: string;
  readonly message?: string; // the operator's alone, as the stack
  readonly stack?: string;
  readonly stepId?: string;
}

export interface Run {
  readonly runId: string;
  readonly jobId: string;
  readonly eventId: string;
  readonly eventName?: string;
  readonly parentRunId?: string;
  readonly status: Status;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly error?: Failure;
}

export interface Counts {
  readonly total: number;
  readonly byStatus: Readonly<Partial<Record<Status, number>>>;
  readonly isSample: boolean;
}

export type Kind = "run" | "sleep" | "wait_for_event" | "wait_for_signal" | "invoke" | "send_event" | "race";
export type StepStatus = "running" | "retrying" | "sleeping" | "waiting" | "completed" | "failed" | "interrupted";

export interface Try {
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly error?: Failure;
}

export interface Step {
  readonly stepId: string;
  readonly kind?: Kind;
  readonly status: StepStatus;
  readonly tries: readonly Try[];
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly until?: number;
  readonly endedBy?: "event" | "signal" | "timeout";
  readonly byEventId?: string;
  readonly child?: { readonly runId: string; readonly status: Status };
  readonly usage?: Taken & { readonly model?: string };
  readonly tool?: string; // of a step of a tool call
  readonly error?: Failure;
  readonly input?: unknown;
  readonly output?: unknown;
}

export interface RunDetail extends Run {
  readonly steps: readonly Step[];
  readonly children: readonly string[];
  readonly hold?: { readonly reason: string; readonly until?: number; readonly keys?: readonly string[] };
  readonly repeats?: string;
  readonly worker?: string;
  readonly event?: { readonly name: string; readonly data: Readonly<Record<string, unknown>>; readonly isCut: boolean };
  readonly result?: unknown;
}

export function hasEnded({ status }: Run): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

export function pathOf(runId: string): string {
  return pathTo("/runs/", runId);
}

export function runIdOf(path: string): string {
  return idAt("/runs/", path);
}

/** An address below `place`: ids hold colons and may hold slashes, which stay. */
export function pathTo(place: string, id: string): string {
  return `${place}${id.split("/").map(encodeURIComponent).join("/")}`;
}

/** The id that an address below `place` is about; what is no encoding of anything is taken as it is. */
export function idAt(place: string, path: string): string {
  const rest = path.slice(place.length);
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest;
  }
}
