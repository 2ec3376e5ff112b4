// Sessions without a user: anybody may open one, so what they hold is bounded, each and together.
import { SessionRefused } from "../errors.ts";
import { realSetTimeout } from "../clock.ts";

export const MAX_GUEST_QUERIES = 250; // of a session; one more ends it
const MAX_ALL_QUERIES = 20_000; // of all guests; beyond it the largest of the largest address goes
const MAX_SESSIONS = 200; // of an address
const REMEMBER_MS = 10_000; // how long a session that did wrong counts for its address
const LARGE_BYTES = 64 << 10; // of a message
const LARGE_BYTES_PER_MS = 4 << 10; // of large messages together: reading them costs the thread that serves everybody

export interface Guest {
  readonly address: string;
  readonly queryCount: number;
  /** It had to go for no fault of its own. */
  crowdedOut(): void;
}

export class Guests {
  private readonly byAddress = new Map<string, Set<Guest>>();
  private readonly wrongdoers = new Map<string, number>();
  private queryCount = 0;
  private freeAtMs = 0;

  /** Whether an address has as many guests as it may have. */
  isFull(address: string): boolean {
    const sessions = this.byAddress.get(address)?.size ?? 0;
    return sessions + (this.wrongdoers.get(address) ?? 0) >= MAX_SESSIONS;
  }

  /** A session has no user, from its start or from now on.
   *  @throws SessionRefused when it watches more than it then may. */
  enter(guest: Guest): void {
    let sessions = this.byAddress.get(guest.address);
    if (sessions === undefined) {
      sessions = new Set();
      this.byAddress.set(guest.address, sessions);
    }
    if (sessions.has(guest)) return;
    sessions.add(guest);
    this.check(guest, guest.queryCount);
    this.resized(guest.queryCount);
  }

  /** It has a user now, or is over. */
  leave(guest: Guest): void {
    const sessions = this.byAddress.get(guest.address);
    if (sessions === undefined || !sessions.delete(guest)) return;
    if (sessions.size === 0) this.byAddress.delete(guest.address);
    this.queryCount -= guest.queryCount;
  }

  /** @throws SessionRefused for more queries than a guest may watch. */
  check(guest: Guest, queries: number): void {
    if (queries <= MAX_GUEST_QUERIES || !this.has(guest)) return;
    throw new SessionRefused(`TooManyQueries: a session without a user may watch ${MAX_GUEST_QUERIES} queries`);
  }

  /** Guests watch so many queries more, or less. */
  resized(by: number): void {
    this.queryCount += by;
    while (this.queryCount > MAX_ALL_QUERIES) {
      const largest = this.largest();
      if (largest === null) return;
      this.leave(largest);
      largest.crowdedOut();
    }
  }

  /** A session did wrong: its place is not free at once, or it would come back at once. */
  remember({ address }: Guest): void {
    this.wrongdoers.set(address, (this.wrongdoers.get(address) ?? 0) + 1);
    realSetTimeout(() => {
      const left = (this.wrongdoers.get(address) ?? 1) - 1;
      if (left > 0) this.wrongdoers.set(address, left);
      else this.wrongdoers.delete(address);
    }, REMEMBER_MS).unref();
  }

  /** Until it is a large message's turn to be read; small ones go at once. */
  async turnToRead(guest: Guest, bytes: number): Promise<void> {
    if (bytes < LARGE_BYTES || !this.has(guest)) return;
    const now = performance.now();
    const startMs = Math.max(now, this.freeAtMs);
    this.freeAtMs = startMs + bytes / LARGE_BYTES_PER_MS;
    if (startMs > now) await new Promise((resolve) => realSetTimeout(resolve, startMs - now));
  }

  has(guest: Guest): boolean {
    return this.byAddress.get(guest.address)?.has(guest) ?? false;
  }

  private largest(): Guest | null {
    const total = (sessions: Set<Guest>) => [...sessions].reduce((sum, { queryCount }) => sum + queryCount, 0);
    const address = most([...this.byAddress.values()], total);
    return address === null ? null : most([...address], ({ queryCount }) => queryCount);
  }
}

function most<T>(items: T[], size: (item: T) => number): T | null {
  let found: T | null = null;
  let largest = 0;
  for (const item of items) {
    const own = size(item);
    if (own > largest) [found, largest] = [item, own];
  }
  return found;
}
