// What one session watches: live queries, under the ids that its client has given them.
import { type Identity, identityKey } from "../access/auth.ts";
import type { AddQuery } from "./client_messages.ts";
import { SessionRefused } from "../errors.ts";
import type { Holder, LiveQueries, LiveQuery } from "./live.ts";

const MAX_QUERIES = 10_000; // per session; one more ends it
const MAX_CHARS = 32 << 20; // of the arguments of a session's queries; more ends it

type Subscription = { live: LiveQuery; added: AddQuery; chars: number; sent: string | null };

export class Subscriptions {
  private readonly live: LiveQueries;
  private readonly holder: Holder;
  private readonly byId = new Map<number, Subscription>();
  /** Under how many ids each is watched. */
  private readonly uses = new Map<LiveQuery, number>();
  private chars = 0;

  constructor(live: LiveQueries, holder: Holder) {
    this.live = live;
    this.holder = holder;
  }

  get size(): number {
    return this.byId.size;
  }

  get all(): Iterable<[queryId: number, subscription: Subscription]> {
    return this.byId;
  }

  /** @throws SessionRefused when it is too much for one session. */
  add(added: AddQuery, caller: Identity): void {
    if (this.size >= MAX_QUERIES) throw new SessionRefused(`TooManyQueries: a session may watch ${MAX_QUERIES} queries`);
    const live = this.hold(added, caller);
    const chars = live.key.length;
    this.byId.set(added.queryId, { live, added, chars, sent: null });
    this.chars += chars;
    if (this.chars > MAX_CHARS) throw new SessionRefused("the arguments of a session's queries are too large");
  }

  /** Whether there was one. */
  remove(queryId: number): boolean {
    const found = this.byId.get(queryId);
    if (found === undefined) return false;
    this.byId.delete(queryId);
    this.chars -= found.chars;
    this.letGo(found.live);
    return true;
  }

  /** Under a new identity every query is another one. */
  callAs(caller: Identity): void {
    for (const [queryId, subscription] of this.byId) {
      const { live: before, added } = subscription;
      if (identityKey(before.caller) === identityKey(caller)) continue;
      this.byId.delete(queryId);
      this.letGo(before);
      this.byId.set(queryId, { ...subscription, live: this.hold({ ...added, journal: before.journal }, caller) });
    }
  }

  clear(): void {
    for (const live of this.uses.keys()) this.live.release(this.holder, live);
    this.uses.clear();
    this.byId.clear();
  }

  private hold({ udfPath, args, journal }: AddQuery, caller: Identity): LiveQuery {
    const live = this.live.hold(this.holder, { path: udfPath, args, caller, journal: journal ?? null });
    this.uses.set(live, (this.uses.get(live) ?? 0) + 1);
    return live;
  }

  private letGo(live: LiveQuery): void {
    const uses = (this.uses.get(live) ?? 1) - 1;
    if (uses > 0) {
      this.uses.set(live, uses);
      return;
    }
    this.uses.delete(live);
    this.live.release(this.holder, live);
  }
}
