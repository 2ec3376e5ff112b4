// One session of the sync protocol of the official clients.
import type { JSONValue } from "convex/values";
import { WebSocket } from "ws";
import { type Authenticator, type Identity, identityKey, NOBODY } from "./auth.ts";
import { type ClientMessage, type Modification, readMessage, readTs } from "./client_messages.ts";
import { realSetTimeout, wallMs } from "./clock.ts";
import { HttpRefusal, SessionRefused, stackOf } from "./errors.ts";
import { newRequest, type RequestInfo } from "./execution.ts";
import type { Guest, Guests } from "./guests.ts";
import type { Holder, LiveQueries } from "./live.ts";
import type { Pump, Updatable } from "./pump.ts";
import type { Outcome, Runner } from "./runner.ts";
import { Subscriptions } from "./subscriptions.ts";
import { printEncoded, printTs } from "./values.ts";

const MAX_PENDING_MUTATIONS = 1000; // while more wait, what the client says next waits too
const MAX_RUNNING_ACTIONS = 1000; // likewise
const MAX_WAITING_BYTES = 4 << 20; // of a client's messages; while more wait for their turn, its socket is not read
const MAX_BUFFERED_BYTES = 4 << 20; // a client that reads slowly gets fewer, newer transitions
const CLOSE_MS = 5000; // for the client's half of the closing handshake
const STOP_MS = 500; // likewise, when the process ends
const MAX_CLOCK_AHEAD_NS = 60_000_000_000n;

export type SessionParts = {
  runner: Runner;
  live: LiveQueries;
  pump: Pump;
  guests: Guests;
  authenticator: () => Authenticator;
};

type Version = { querySet: number; identity: number; ts: bigint };

export class Session implements Holder, Updatable, Guest {
  readonly address: string;
  private readonly ws: WebSocket;
  private readonly parts: SessionParts;
  private readonly info: RequestInfo;
  private sessionId: string | null = null;
  private identity: Identity = NOBODY;
  /** Versions that the client has asked for, and those that it has been told of. */
  private readonly asked = { querySet: 0, identity: 0 };
  private told: Version = { querySet: 0, identity: 0, ts: 0n };
  private modifications: Modification[] = [];
  private readonly subscriptions: Subscriptions;
  /** Queries that have become stale since the last update. */
  private staleCount = 0;
  private mustTransition = false;
  private isReauthenticated = false;
  private mutations: Promise<void> = Promise.resolve();
  private pendingMutations = 0;
  private runningActions = 0;
  private readonly inbox: Buffer[] = [];
  /** What the client has sent and nobody has worked off: in the inbox, among the modifications, in a mutation. */
  private waitingBytes = 0;
  private modificationBytes = 0;
  private readonly whenRead: (() => void)[] = [];
  private readonly whenLessRuns: (() => void)[] = [];
  private isHandling = false;
  private isAlive = true;
  private isOpen = true;
  private wasHeldBack = false;

  constructor(ws: WebSocket, parts: SessionParts, from: { info: RequestInfo; address: string }) {
    this.address = from.address;
    this.ws = ws;
    this.parts = parts;
    this.subscriptions = new Subscriptions(parts.live, this);
    this.info = from.info;
    ws.on("message", (data: Buffer) => this.receive(data));
    ws.on("pong", () => {
      this.isAlive = true;
    });
    ws.on("error", () => ws.terminate());
    parts.guests.enter(this);
  }

  // -- receiving ----------------------------------------------------------------------------------

  private receive(data: Buffer): void {
    if (!this.isOpen) return;
    this.inbox.push(data);
    this.wait(data.length);
    if (!this.isHandling) void this.handleInbox();
  }

  private wait(bytes: number): void {
    this.waitingBytes += bytes;
    this.readOrPause();
  }

  private done(bytes: number): void {
    this.wait(-bytes);
  }

  /** A client that sends faster than it is served, or does not read what it is sent, is not read either. */
  private readOrPause(): void {
    if (!this.isOpen) return;
    const mustPause = this.waitingBytes > MAX_WAITING_BYTES || this.ws.bufferedAmount > MAX_BUFFERED_BYTES;
    if (mustPause === this.ws.isPaused) return;
    if (mustPause) this.ws.pause();
    else this.ws.resume();
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
          while (this.isFull && this.isOpen) await new Promise<void>((resolve) => this.whenLessRuns.push(resolve));
          this.handle(message, bytes);
        }
      } catch (error) {
        this.end(error);
      }
      this.done(bytes);
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
        return this.wait(bytes);
      case "Mutation":
        return this.enqueueMutation(message, bytes);
      case "Action":
        return this.startAction(message, bytes);
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
    this.send(JSON.stringify({ type: "AuthError", error, baseVersion, authUpdateAttempted }));
    this.close(1008, "AuthError");
  }

  /** Whether the token that the session runs under has expired; the client is told then. */
  private hasExpired(): boolean {
    if (this.identity.kind !== "user" || this.identity.expiresAtMs > wallMs()) return false;
    if (this.isOpen) this.authError("Token expired", this.asked.identity, false);
    return true;
  }

  // -- requests -----------------------------------------------------------------------------------

  /** Mutations of a session run one at a time, in order. */
  private enqueueMutation(message: ClientMessage & { type: "Mutation" | "Action" }, bytes: number): void {
    this.pendingMutations++;
    const { identity } = this;
    this.wait(bytes);
    this.mutations = this.mutations.then(() => this.runMutation(message, identity)).finally(() => this.done(bytes));
  }

  private async runMutation(message: ClientMessage & { type: "Mutation" | "Action" }, identity: Identity): Promise<void> {
    await this.untilRead();
    this.pendingMutations--;
    this.lessRuns();
    if (!this.isOpen || this.hasExpired()) return;
    const { requestId: request, udfPath: path, args } = message;
    const key = this.sessionId === null ? undefined : { session: this.sessionId, request };
    try {
      await this.parts.runner.mutation({ path, args, identity, request: this.newInfo() }, key, (outcome) =>
        this.respond("MutationResponse", request, outcome),
      );
    } catch (error) {
      this.end(error); // the client connects again and resends: the store may be well by then
    }
  }

  private startAction(message: ClientMessage & { type: "Mutation" | "Action" }, bytes: number): void {
    this.runningActions++;
    this.wait(bytes);
    void this.runAction(message).finally(() => {
      this.runningActions--;
      this.lessRuns();
      this.done(bytes);
    });
  }

  private async runAction(message: ClientMessage & { type: "Mutation" | "Action" }): Promise<void> {
    await this.untilRead();
    if (!this.isOpen || this.hasExpired()) return;
    const { requestId, udfPath: path, args } = message;
    try {
      const outcome = await this.parts.runner.action({ path, args, identity: this.identity, request: this.newInfo() });
      this.respond("ActionResponse", requestId, outcome);
    } catch (error) {
      this.end(error);
    }
  }

  private get isFull(): boolean {
    return this.pendingMutations >= MAX_PENDING_MUTATIONS || this.runningActions >= MAX_RUNNING_ACTIONS;
  }

  private lessRuns(): void {
    for (const go of this.whenLessRuns.splice(0)) go();
  }

  private newInfo(): RequestInfo {
    return newRequest({ ip: this.info.ip, userAgent: this.info.userAgent });
  }

  /** The response goes first; a transition whose timestamp is not before it always follows: clients wait for that. */
  private respond(type: "MutationResponse" | "ActionResponse", requestId: number, outcome: Outcome): void {
    const head = `{"type":"${type}","requestId":${requestId},"success":${outcome.ok}`;
    const logLines = JSON.stringify(outcome.logLines);
    if (outcome.ok) {
      const value = printEncoded(JSON.parse(outcome.value) as JSONValue);
      const ts = type === "MutationResponse" ? `,"ts":"${printTs(outcome.ts)}"` : "";
      this.send(`${head},"result":${value}${ts},"logLines":${logLines}}`);
    } else {
      const data = outcome.data === undefined ? "" : `,"errorData":${printEncoded(outcome.data)}`;
      this.send(`${head},"result":${JSON.stringify(outcome.message)}${data},"logLines":${logLines}}`);
    }
    this.mustTransition = true;
    this.parts.pump.add(this);
  }

  // -- transitions --------------------------------------------------------------------------------

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
    if (this.ws.bufferedAmount > MAX_BUFFERED_BYTES) {
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
    this.send(
      `{"type":"Transition","startVersion":${printVersion(this.told)},"endVersion":${printVersion(end)},` +
        `"modifications":[${changes.join(",")}]}`,
    );
    this.told = end;
  }

  private applyModifications(): string[] {
    const changes: string[] = [];
    const modifications = this.modifications;
    this.modifications = [];
    this.done(this.modificationBytes);
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

  // -- the socket ---------------------------------------------------------------------------------

  private send(text: string): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    this.ws.send(text, () => {
      if (this.ws.bufferedAmount <= MAX_BUFFERED_BYTES && this.isOpen) this.drained();
    });
    this.readOrPause();
  }

  /** Until the client has read most of what it was sent, or is gone. */
  private async untilRead(): Promise<void> {
    while (this.isOpen && this.ws.bufferedAmount > MAX_BUFFERED_BYTES) {
      await new Promise<void>((resolve) => this.whenRead.push(resolve));
    }
  }

  private drained(): void {
    this.readOrPause();
    for (const go of this.whenRead.splice(0)) go();
    if (!this.wasHeldBack) return;
    this.wasHeldBack = false;
    this.parts.pump.add(this);
  }

  ping(): void {
    if (this.waitingBytes > MAX_WAITING_BYTES) return; // its pong is behind what we do not read
    if (!this.isAlive) {
      this.ws.terminate();
      return;
    }
    this.isAlive = false;
    this.ws.ping();
    this.send('{"type":"Ping"}');
  }

  /** A client that did wrong hears a FatalError and stays away. After anything else it connects again, a second later:
   *  that is what the official clients do for this reason. */
  end(error: unknown): void {
    if (!this.isOpen) return;
    if (error instanceof SessionRefused) {
      if (this.isGuest) this.parts.guests.remember(this);
      this.send(JSON.stringify({ type: "FatalError", error: error.message }));
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

  private close(code: number, reason: string, graceMs = CLOSE_MS): void {
    this.closed();
    this.ws.resume(); // or the client's half is never read
    this.ws.close(code, reason);
    realSetTimeout(() => this.ws.terminate(), graceMs).unref();
  }

  /** Nothing is kept for it any more. */
  closed(): void {
    this.isOpen = false;
    for (const go of this.whenRead.splice(0)) go();
    this.lessRuns();
    this.parts.guests.leave(this);
    this.subscriptions.clear();
  }
}

function printVersion({ querySet, identity, ts }: Version): string {
  return `{"querySet":${querySet},"identity":${identity},"ts":"${printTs(ts)}"}`;
}
