// One session of the sync protocol of the official clients: what it asks to watch, as whom, and what it is told.
import type { WebSocket } from "ws";
import { type Authenticator, type Identity, identityKey, NOBODY } from "../access/auth.ts";
import { type ClientMessage, type Modification, readMessage, readTs } from "./client_messages.ts";
import { wallMs } from "../clock.ts";
import { HttpRefusal, SessionRefused, stackOf } from "../errors.ts";
import { newRequest, type RequestInfo } from "../execution/execution.ts";
import { Connection } from "./connection.ts";
import type { Guest, Guests } from "./guests.ts";
import type { Holder, LiveQueries } from "./live.ts";
import type { Pump, Updatable } from "./pump.ts";
import type { Runner } from "../execution/runner.ts";
import { type Asker, Requests } from "./requests.ts";
import { Subscriptions } from "./subscriptions.ts";
import { printTs } from "../values/values.ts";

const STOP_MS = 500; // for the client's half of the closing handshake when the process ends
const MAX_CLOCK_AHEAD_NS = 60_000_000_000n;

export type SessionParts = {
  runner: Runner;
  live: LiveQueries;
  pump: Pump;
  guests: Guests;
  authenticator: () => Authenticator;
};

type Version = { querySet: number; identity: number; ts: bigint };

export class Session implements Holder, Updatable, Guest, Asker {
  readonly address: string;
  sessionId: string | null = null;
  identity: Identity = NOBODY;
  private readonly connection: Connection;
  private readonly requests: Requests;
  private readonly parts: SessionParts;
  private readonly info: RequestInfo;
  /** Versions that the client has asked for, and those that it has been told of. */
  private readonly asked = { querySet: 0, identity: 0 };
  private told: Version = { querySet: 0, identity: 0, ts: 0n };
  private modifications: Modification[] = [];
  private readonly subscriptions: Subscriptions;
  /** Queries that have become stale since the last update. */
  private staleCount = 0;
  private mustTransition = false;
  private isReauthenticated = false;
  private readonly inbox: Buffer[] = [];
  private modificationBytes = 0;
  private isHandling = false;
  private wasHeldBack = false;

  constructor(ws: WebSocket, parts: SessionParts, from: { info: RequestInfo; address: string }) {
    this.address = from.address;
    this.info = from.info;
    this.parts = parts;
    this.subscriptions = new Subscriptions(parts.live, this);
    this.connection = new Connection(ws, { received: (data) => this.receive(data), drained: () => this.drained() });
    this.requests = new Requests(parts.runner, this.connection, this);
    parts.guests.enter(this);
  }

  // -- receiving ----------------------------------------------------------------------------------

  private receive(data: Buffer): void {
    this.inbox.push(data);
    this.connection.wait(data.length);
    if (!this.isHandling) void this.handleInbox();
  }

  /** In order; an authentication makes the others wait, and so does a mutation or action beyond the bounds. */
  private async handleInbox(): Promise<void> {
    this.isHandling = true;
    for (let next = this.inbox.shift(); next !== undefined && this.isOpen; next = this.inbox.shift()) {
      const bytes = next.length;
      try {
        await this.parts.guests.turnToRead(this, bytes);
        if (!this.isOpen) break;
        const message = readMessage(next.toString("utf8"));
        if (message.type === "Authenticate") await this.authenticate(message);
        else {
          while (this.requests.isFull && this.isOpen) await this.requests.untilLess();
          this.handle(message, bytes);
        }
      } catch (error) {
        this.end(error);
      }
      this.connection.done(bytes);
    }
    this.isHandling = false;
  }

  private handle(message: Exclude<ClientMessage, { type: "Authenticate" }>, bytes: number): void {
    switch (message.type) {
      case "Connect":
        return this.connect(message.sessionId, message.maxObservedTimestamp);
      case "ModifyQuerySet":
        this.modify(message.baseVersion, message.newVersion, message.modifications);
        this.modificationBytes += bytes;
        return this.connection.wait(bytes);
      case "Mutation":
        return this.requests.enqueueMutation(message, bytes);
      case "Action":
        return this.requests.startAction(message, bytes);
      case "Event":
        return;
    }
  }

  private connect(sessionId: string, maxObservedTimestamp: string | undefined): void {
    if (this.sessionId !== null) throw new SessionRefused("Connect was sent twice");
    this.sessionId = sessionId;
    if (maxObservedTimestamp === undefined || maxObservedTimestamp === null) return;
    const observed = readTs(maxObservedTimestamp);
    const { db } = this.parts.runner;
    if (observed <= db.lastTs) return;
    if (observed > BigInt(wallMs()) * 1_000_000n + MAX_CLOCK_AHEAD_NS) {
      throw new SessionRefused("InvalidTimestamp: the client has observed a timestamp that is ahead of the server's clock");
    }
    const clock = this.parts.runner.advanceClock(observed); // a new data file on an old address
    clock.catch((error: unknown) => this.end(error));
  }

  private modify(baseVersion: number, newVersion: number, modifications: Modification[]): void {
    if (baseVersion !== this.asked.querySet) {
      throw new SessionRefused(
        `BaseVersionMismatch: Base version ${baseVersion} passed up doesn't match the current version ${this.asked.querySet}`,
      );
    }
    this.parts.guests.check(this, modifications.filter(({ type }) => type === "Add").length);
    this.asked.querySet = newVersion;
    this.modifications.push(...modifications);
    this.parts.pump.add(this);
  }

  private async authenticate(message: ClientMessage & { type: "Authenticate" }): Promise<void> {
    const { baseVersion } = message;
    if (baseVersion !== this.asked.identity) {
      throw new SessionRefused(
        `BaseVersionMismatch: Base version ${baseVersion} passed up doesn't match the current version ${this.asked.identity}`,
      );
    }
    try {
      const identity = await this.identify(message);
      if (identityKey(identity) !== identityKey(this.identity)) this.isReauthenticated = true;
      this.identity = identity;
      if (identity.kind === "none") this.parts.guests.enter(this);
      else this.parts.guests.leave(this);
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      this.authError(error.message, baseVersion, true);
      return;
    }
    this.asked.identity = baseVersion + 1;
    this.parts.pump.add(this);
  }

  private async identify({ tokenType, value, impersonating }: ClientMessage & { type: "Authenticate" }): Promise<Identity> {
    const authenticator = this.parts.authenticator();
    if (tokenType === "None") return NOBODY;
    if (tokenType === "User") return authenticator.ofToken(value ?? "");
    const acting = impersonating === undefined ? "" : `:${Buffer.from(JSON.stringify(impersonating)).toString("base64")}`;
    return authenticator.ofAdminKey(`${value ?? ""}${acting}`);
  }

  private authError(error: string, baseVersion: number, authUpdateAttempted: boolean): void {
    this.connection.send(JSON.stringify({ type: "AuthError", error, baseVersion, authUpdateAttempted }));
    this.close(1008, "AuthError");
  }

  newInfo(): RequestInfo {
    return newRequest({ ip: this.info.ip, userAgent: this.info.userAgent });
  }

  /** Whether the token that the session runs under has expired; the client is told then. */
  hasExpired(): boolean {
    if (this.identity.kind !== "user" || this.identity.expiresAtMs > wallMs()) return false;
    if (this.isOpen) this.authError("Token expired", this.asked.identity, false);
    return true;
  }

  // -- transitions --------------------------------------------------------------------------------

  /** A response has gone out: clients wait for a transition whose timestamp is not before it. */
  responded(): void {
    this.mustTransition = true;
    this.parts.pump.add(this);
  }

  get isGuest(): boolean {
    return this.parts.guests.has(this);
  }

  get due(): number {
    return this.modifications.length + this.staleCount;
  }

  get queryCount(): number {
    return this.subscriptions.size;
  }

  stale(): void {
    this.staleCount++;
    this.parts.pump.add(this);
  }

  async update(): Promise<void> {
    if (!this.isOpen) return;
    if (this.connection.isBehind) {
      this.wasHeldBack = true; // goes on when what was sent has left
      return;
    }
    if (this.subscriptions.size > 0 && this.hasExpired()) return;
    this.staleCount = 0;
    const end: Version = { ...this.asked, ts: this.parts.runner.db.lastTs };
    const changes = this.applyModifications();
    if (this.isReauthenticated) this.subscriptions.callAs(this.identity);
    this.isReauthenticated = false;
    for (const [queryId, subscription] of this.subscriptions.all) {
      const { live } = subscription;
      const text = live.isStale || live.text === null ? await this.parts.live.refresh(live) : live.text;
      if (!this.isOpen) return;
      if (text.identity === subscription.sent) continue;
      subscription.sent = text.identity;
      const type = text.isFailure ? "QueryFailed" : "QueryUpdated";
      changes.push(`{"type":"${type}","queryId":${queryId},${text.fields}}`);
    }
    const { querySet, identity } = this.told;
    if (changes.length === 0 && !this.mustTransition && querySet === end.querySet && identity === end.identity) return;
    this.mustTransition = false;
    if (end.ts < this.told.ts) end.ts = this.told.ts;
    this.connection.send(
      `{"type":"Transition","startVersion":${printVersion(this.told)},"endVersion":${printVersion(end)},` +
        `"modifications":[${changes.join(",")}]}`,
    );
    this.told = end;
  }

  private applyModifications(): string[] {
    const changes: string[] = [];
    const modifications = this.modifications;
    this.modifications = [];
    this.connection.done(this.modificationBytes);
    this.modificationBytes = 0;
    for (const modification of modifications) {
      const { queryId } = modification;
      if (this.subscriptions.remove(queryId)) this.resized(-1);
      if (modification.type === "Remove") {
        changes.push(`{"type":"QueryRemoved","queryId":${queryId}}`);
        continue;
      }
      this.parts.guests.check(this, this.subscriptions.size + 1);
      this.subscriptions.add(modification, this.identity);
      this.resized(1);
    }
    return changes;
  }

  /** One query more or less, if it counts as a guest's. */
  private resized(by: number): void {
    if (this.isGuest) this.parts.guests.resized(by);
  }

  private drained(): void {
    if (!this.wasHeldBack) return;
    this.wasHeldBack = false;
    this.parts.pump.add(this);
  }

  // -- the end ------------------------------------------------------------------------------------

  private get isOpen(): boolean {
    return this.connection.isOpen;
  }

  ping(): void {
    this.connection.ping();
  }

  /** A client that did wrong hears a FatalError and stays away. After anything else it connects again, a second later:
   *  that is what the official clients do for this reason. */
  end(error: unknown): void {
    if (!this.isOpen) return;
    if (error instanceof SessionRefused) {
      if (this.isGuest) this.parts.guests.remember(this);
      this.connection.send(JSON.stringify({ type: "FatalError", error: error.message }));
      this.close(1008, "BadRequest");
      return;
    }
    console.error(`a session is closed: ${error instanceof HttpRefusal ? error.message : stackOf(error)}`);
    this.close(1011, "InternalServerError");
  }

  crowdedOut(): void {
    this.close(1013, "TooManyConcurrentRequests"); // clients wait 3 s and longer before they come back
  }

  goingAway(): void {
    this.close(1012, "ServiceRestart", STOP_MS);
  }

  private close(code: number, reason: string, graceMs?: number): void {
    this.closed();
    this.connection.close(code, reason, graceMs);
  }

  /** Nothing is kept for it any more. */
  closed(): void {
    this.connection.closed();
    this.requests.less();
    this.parts.guests.leave(this);
    this.subscriptions.clear();
  }
}

function printVersion({ querySet, identity, ts }: Version): string {
  return `{"querySet":${querySet},"identity":${identity},"ts":"${printTs(ts)}"}`;
}
