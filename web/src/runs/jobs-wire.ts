// What the API says of jobs and metrics, as docs/http-api.md has it.
import type { Schema } from "./schema.ts";

export interface Queue {
  readonly jobId: string;
  readonly queued: number;
  readonly scheduled: number;
  readonly running: number;
  readonly oldestQueuedAt?: number;
}

export interface Job {
  readonly jobId: string;
  readonly events: readonly { readonly event: string; readonly when?: string; readonly dataSchema?: Schema }[];
  readonly crons: readonly { readonly schedule: string; readonly zone: string; readonly nextAt: number }[];
  readonly cancelOn: readonly { readonly event: string; readonly match?: string; readonly when?: string; readonly timeoutS?: number }[];
  readonly concurrency: readonly { readonly limit: number; readonly key?: string; readonly scope: string; readonly counts: string }[];
  readonly retries: number;
  readonly handlesFailure: boolean;
  readonly flow: Readonly<Record<string, unknown>>;
  readonly pausedAt?: number;
  readonly queue?: Queue;
}

/** The events that jobs listen to by their whole names. */
export function namesOf(jobs: readonly Job[]): readonly string[] {
  const names = jobs.flatMap(({ events, cancelOn }) => [...events, ...cancelOn].map(({ event }) => event));
  return [...new Set(names)].filter((name) => !name.includes("*")).toSorted();
}

/** What the data of an event has to be, where a job says it. */
export function schemaOf(jobs: readonly Job[], name: string): Schema | undefined {
  return jobs.flatMap(({ events }) => events).find(({ event, dataSchema }) => event === name && dataSchema !== undefined)?.dataSchema;
}

interface Spread {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

interface Ends {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly perMinute: number;
  readonly duration?: Spread;
  readonly queued?: Spread;
}

export interface JobMetrics extends Ends {
  readonly jobId: string;
  readonly successRate?: number;
  readonly isSample: boolean;
}

export interface Bucket extends Ends {
  readonly at: number;
  readonly causes: readonly { readonly name: string; readonly count: number }[];
  readonly waiting: number;
  readonly running: number;
}

export interface Metrics {
  readonly jobs: readonly JobMetrics[];
  readonly queues: readonly Queue[];
  readonly series?: { readonly bucketS: number; readonly buckets: readonly Bucket[]; readonly isSample: boolean };
}
