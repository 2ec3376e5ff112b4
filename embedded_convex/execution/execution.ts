// The function that is running now: who asked, what it may do, what it has logged.
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { wallMs } from "../clock.ts";
import type { Identity } from "../access/auth.ts";
import type { RowStream } from "../data/streams.ts";
import type { Transaction } from "../data/transaction.ts";

export type FunctionKind = "query" | "mutation" | "action" | "httpAction";

/** What the caller's request said about itself. */
export type RequestInfo = {
  requestId: string;
  ip: string | null;
  userAgent: string | null;
  scheduledFunctionId: string | null;
};

const MAX_LOG_LINES = 256;
const MAX_LOG_CHARS = 4096;

/** A page's end is pinned by the journal of the query that read it, so that pages stay gapless as rows come and go. */
export type Journal = { given: string | null; kept: string | null };

export class Execution {
  readonly kind: FunctionKind;
  readonly path: string;
  readonly identity: Identity;
  readonly request: RequestInfo;
  /** Null in actions: they have no transaction of their own. */
  readonly tx: Transaction | null;
  readonly journal: Journal;
  readonly logLines: string[];
  readonly depth: number;
  readonly startMs = Math.floor(wallMs());
  readonly streams = new Map<number, RowStream>();
  hasPaginated = false;
  /** A nested call that is running: nothing else of this function goes on meanwhile. */
  child: Promise<unknown> | null = null;
  /** False once the function has ended: what it left running may do nothing more. */
  isOpen = true;
  /** Ends it with an error that its own promise does not carry; whoever runs it sets this. */
  end: (error: unknown) => void = () => undefined;
  private nextStream = 1;
  private randomState: number | null = null;

  constructor(given: {
    kind: FunctionKind;
    path: string;
    identity: Identity;
    request: RequestInfo;
    tx: Transaction | null;
    journal?: Journal;
    parent?: Execution;
  }) {
    this.kind = given.kind;
    this.path = given.path;
    this.identity = given.identity;
    this.request = given.request;
    this.tx = given.tx;
    this.journal = given.journal ?? { given: null, kept: null };
    this.logLines = given.parent?.logLines ?? [];
    this.depth = given.parent === undefined ? 0 : given.parent.depth + 1;
    if (given.parent !== undefined && this.tx !== null) this.startMs = given.parent.startMs;
  }

  get isTransactional(): boolean {
    return this.tx !== null;
  }

  addStream(stream: RowStream): number {
    const id = this.nextStream++;
    this.streams.set(id, stream);
    return id;
  }

  /** A seeded generator (mulberry32): a query that runs again must not differ by chance within one run. */
  random(): number {
    const state = ((this.randomState ?? freshBytes(4).readUInt32LE()) + 0x6d2b79f5) | 0;
    this.randomState = state;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** Keep a line for the caller; gives it as it is printed. At the bound more lines are dropped. */
  log(level: string, values: readonly unknown[]): string {
    const text = `[${level}] ${values.map((value) => inspect(value, { depth: 4 })).join(" ")}`;
    const line = text.length > MAX_LOG_CHARS ? `${text.slice(0, MAX_LOG_CHARS)} (truncated)` : text;
    if (this.logLines.length < MAX_LOG_LINES) this.logLines.push(line);
    return line;
  }
}

let pool = Buffer.alloc(0);

/** Random bytes, from the system in larger pieces: asking it for each call costs more than the rest of a small call. */
function freshBytes(count: number): Buffer {
  if (pool.length < count) pool = randomBytes(4096);
  const bytes = pool.subarray(0, count);
  pool = pool.subarray(count);
  return bytes;
}

const running = new AsyncLocalStorage<Execution | undefined>();

export function currentExecution(): Execution | undefined {
  return running.getStore();
}

export function runAs<T>(execution: Execution, call: () => T): T {
  return running.run(execution, call);
}

/** Run as the server, not as the function whose syscall led here. */
export function runOutside<T>(call: () => T): T {
  return running.run(undefined, call);
}

export function newRequest(from?: Partial<RequestInfo>): RequestInfo {
  return { requestId: freshBytes(8).toString("hex"), ip: null, userAgent: null, scheduledFunctionId: null, ...from };
}
