// What the API says of events, as docs/http-api.md has it; times in milliseconds since 1970.
import { idAt, pathTo, type Status } from "./wire.ts";

export interface RunOfEvent {
  readonly runId: string;
  readonly jobId: string;
  readonly status: Status;
}

export interface Happening {
  readonly eventId: string;
  readonly name: string;
  readonly receivedAt: number;
  readonly ts: number;
  readonly userId?: string; // the operator's alone
  readonly runs: readonly RunOfEvent[];
}

export interface WholeHappening extends Happening {
  readonly data: Readonly<Record<string, unknown>>;
  readonly isCut: boolean;
  readonly endedWaits: readonly (RunOfEvent & { readonly stepId: string })[];
  readonly cancelled: readonly RunOfEvent[];
}

export function eventPathOf(eventId: string): string {
  return pathTo("/events/", eventId);
}

export function eventIdOf(path: string): string {
  return idAt("/events/", path);
}
