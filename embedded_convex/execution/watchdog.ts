// Ends the process when a function keeps the thread busy for ever: nothing else could be served any more.
//
// Functions run in the thread of the server, so a loop without end cannot be interrupted from inside, and cutting it
// from outside would lose the microtasks of everybody else. What was acknowledged is on disk; whoever supervises the
// process starts another, and clients connect again.
import { Worker } from "node:worker_threads";

const BEAT_MS = 1000;

/** Indexes into the shared numbers. */
export const SHARED = { beats: 0, function: 1 } as const;

export type WatchdogData = { shared: SharedArrayBuffer; limitBeats: number; beatMs: number };

export class Watchdog {
  private readonly shared = new Int32Array(new SharedArrayBuffer(8));
  private readonly numbers = new Map<string, number>();
  private readonly worker: Worker;
  private readonly timer: NodeJS.Timeout;

  /** @param limitS how long the thread may be busy without a break. */
  constructor(limitS: number) {
    const workerData: WatchdogData = {
      shared: this.shared.buffer,
      limitBeats: Math.ceil((limitS * 1000) / BEAT_MS),
      beatMs: BEAT_MS,
    };
    this.worker = new Worker(new URL("./watchdog_worker.ts", import.meta.url), { workerData });
    this.worker.unref();
    this.timer = setInterval(() => Atomics.add(this.shared, SHARED.beats, 1), BEAT_MS);
    this.timer.unref();
  }

  /** A function starts: it is named if the thread does not come back. */
  entered(path: string): void {
    let number = this.numbers.get(path);
    if (number === undefined) {
      number = this.numbers.size + 1;
      this.numbers.set(path, number);
      this.worker.postMessage(path);
    }
    Atomics.store(this.shared, SHARED.function, number);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.worker.terminate();
  }
}
