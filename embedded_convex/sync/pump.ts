// Updates sessions with what has changed: each under the lock, so that it sees one snapshot. Sessions that cost little
// never wait for those that cost much.
import { realSetImmediate, realSetTimeout } from "../clock.ts";
import type { Runner } from "../execution/runner.ts";

const SLICE_MS = 2; // of cheap sessions in one hold of the lock
const MANY_QUERIES = 100; // to be run in one update: that is an expensive one
const ALLOWANCE_MS = 20; // of the thread; a session that has used it up is expensive
const ALLOWANCE_PER_MS = 0.05; // how much of it comes back with each millisecond
// How much longer than an expensive update has taken the next one waits, so that others find the thread free.
const REST = { guest: 4, user: 1.5 };

export interface Updatable {
  /** Whether anybody may have opened it. */
  readonly isGuest: boolean;
  /** At most how many queries the next update runs. */
  readonly due: number;
  /** Send what has changed. Called under the lock. */
  update(): Promise<void>;
  end(error: unknown): void;
}

type Account = { usedMs: number; atMs: number };

export class Pump {
  private readonly runner: Runner;
  private readonly cheap = new Set<Updatable>();
  private readonly expensive = new Set<Updatable>();
  private readonly accounts = new WeakMap<Updatable, Account>();
  private isServingCheap = false;
  private isServingExpensive = false;

  constructor(runner: Runner) {
    this.runner = runner;
  }

  add(session: Updatable): void {
    if (this.expensive.has(session)) return;
    if (this.isExpensive(session)) {
      this.cheap.delete(session);
      this.expensive.add(session);
      if (!this.isServingExpensive) void this.serveExpensive();
    } else {
      this.cheap.add(session);
      if (!this.isServingCheap) void this.serveCheap();
    }
  }

  private isExpensive(session: Updatable): boolean {
    return session.due > MANY_QUERIES || this.usedMs(session) > ALLOWANCE_MS;
  }

  private usedMs(session: Updatable): number {
    const account = this.accounts.get(session);
    if (account === undefined) return 0;
    return Math.max(0, account.usedMs - (performance.now() - account.atMs) * ALLOWANCE_PER_MS);
  }

  /** Others get their turn after each slice: a session's snapshot is what must be one, not all sessions'. */
  private async serveCheap(): Promise<void> {
    this.isServingCheap = true;
    while (this.cheap.size > 0) {
      await this.runner.lock.run(async () => {
        const end = performance.now() + SLICE_MS;
        for (const session of this.cheap) {
          this.cheap.delete(session);
          await this.update(session);
          if (performance.now() > end) return;
        }
      });
      await othersTurn();
    }
    this.isServingCheap = false;
  }

  private async serveExpensive(): Promise<void> {
    this.isServingExpensive = true;
    for (const session of this.expensive) {
      const rest = session.isGuest ? REST.guest : REST.user;
      const tookMs = await this.runner.lock.run(() => {
        this.expensive.delete(session);
        return this.update(session);
      });
      await new Promise((resolve) => realSetTimeout(resolve, tookMs * rest));
    }
    this.isServingExpensive = false;
  }

  /** Gives the milliseconds that it took. */
  private async update(session: Updatable): Promise<number> {
    const started = performance.now();
    try {
      await session.update();
    } catch (error) {
      session.end(error);
    }
    const now = performance.now();
    this.accounts.set(session, { usedMs: this.usedMs(session) + now - started, atMs: now });
    return now - started;
  }
}

/** Whatever has come in meanwhile is read. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}
