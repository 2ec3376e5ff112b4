// What the API says of jobs and metrics, as docs/http-api.md has it.
export interface Queue {
  readonly jobId: string;
  readonly queued: number;
  readonly scheduled: number;
  readonly running: number;
  readonly oldestQueuedAt?: number;
}

export interface Job {
  readonly jobId: string;
  readonly events: readonly { readonly event: string; readonly when?: string; readonly dataSchema?: unknown }[];
  readonly crons: readonly { readonly schedule: string; readonly zone: string; readonly nextAt: number }[];
  readonly cancelOn: readonly { readonly event: string; readonly match?: string; readonly when?: string; readonly timeoutS?: number }[];
  readonly concurrency: readonly { readonly limit: number; readonly key?: string; readonly scope: string; readonly counts: string }[];
  readonly retries: number;
  readonly handlesFailure: boolean;
  readonly flow: Readonly<Record<string, unknown>>;
  readonly pausedAt?: number;
  readonly queue?: Queue;
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
