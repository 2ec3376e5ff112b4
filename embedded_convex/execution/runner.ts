// Runs functions: queries and mutations one at a time on one snapshot, actions beside them.
import type { JSONValue } from "convex/values";
import { jsonToConvex } from "convex/values";
import type { Identity } from "../access/auth.ts";
import { realClearTimeout, realSetTimeout } from "../clock.ts";
import type { Database, Touched } from "../data/database.ts";
import { CallRefused, messageOf } from "../errors.ts";
import { Execution, type FunctionKind, type Journal, type RequestInfo, runAs, runOutside } from "./execution.ts";
import { type ConvexFunction, type Deployment, findFunction, type FunctionType, type HttpHandler } from "../code/functions.ts";
import { Mutex } from "./mutex.ts";
import { failure, type Outcome } from "./outcome.ts";
import { Replies, type RequestKey } from "./replies.ts";
import type { ReadSet } from "../data/reads.ts";
import { Transaction } from "../data/transaction.ts";
import { mismatch } from "../values/validators.ts";
import type { Watchdog } from "./watchdog.ts";
import { checkCallShape, checkCallSize } from "../values/values.ts";

export type Call = {
  path: string;
  /** The arguments object, encoded; a list of one is taken too. */
  args: JSONValue;
  identity: Identity;
  request: RequestInfo;
  /** Internal functions may be named: by the admin, and by functions. */
  mayCallInternal?: boolean;
};

export type CommitListener = (touched: readonly Touched[], ts: bigint) => void;

// The timer comes to its turn only when the function waits: here that is for something that never comes.
const TRANSACTION_TIMEOUT_MS = 5000;
const ACTION_TIMEOUT_MS = 600_000;
const MAX_DEPTH = 64;
const SMALL_RESULT_CHARS = 5000; // no result this small has 8193 elements or 1025 fields

export class Runner {
  readonly db: Database;
  readonly lock = new Mutex();
  deployment: Deployment;
  private readonly watchdog: Watchdog;
  private readonly listeners: CommitListener[] = [];
  private readonly replies: Replies;

  constructor(db: Database, deployment: Deployment, watchdog: Watchdog) {
    this.db = db;
    this.deployment = deployment;
    this.watchdog = watchdog;
    this.replies = new Replies(db);
  }

  onCommit(listener: CommitListener): void {
    this.listeners.push(listener);
  }

  find(call: Pick<Call, "path" | "mayCallInternal" | "identity">, type: FunctionType | "any"): ConvexFunction {
    const mayCallInternal = call.mayCallInternal === true || call.identity.kind === "admin";
    return findFunction(this.deployment, call.path, { type, mayCallInternal });
  }

  /** Run whatever the path names. */
  async any(call: Call): Promise<Outcome> {
    try {
      return await this[this.find(call, "any").type](call);
    } catch (error) {
      return failure(error, call.request, []);
    }
  }

  async query(call: Call): Promise<Outcome> {
    return this.lock.run(async () => (await this.queryInLock(call)).outcome);
  }

  /** A query for someone who holds the lock already; also says what it read. */
  async queryInLock(call: Call, journal?: Journal): Promise<{ outcome: Outcome; reads: ReadSet | null }> {
    let execution: Execution | null = null;
    try {
      const found = this.find(call, "query");
      const args = this.checkedArgs(found, call.args);
      const tx = new Transaction(this.db, false);
      execution = this.execution("query", found.path, call, tx, journal);
      const value = await this.invoke(found, args, execution);
      return { outcome: { ok: true, value, ts: tx.ts, logLines: execution.logLines }, reads: tx.reads };
    } catch (error) {
      const outcome = failure(error, call.request, execution?.logLines ?? []);
      return { outcome, reads: execution?.tx?.reads ?? null };
    }
  }

  /** Atomic: all writes or none. With a key, a mutation that has already run gives its first answer again. */
  async mutation(call: Call, key?: RequestKey, respond?: (outcome: Outcome) => void): Promise<Outcome> {
    return this.lock.run(async () => {
      const outcome = await this.mutationInLock(call, key);
      respond?.(outcome); // before the lock is free: nobody hears of the write earlier than its author
      return outcome;
    });
  }

  private async mutationInLock(call: Call, key: RequestKey | undefined): Promise<Outcome> {
    const before = key === undefined ? null : this.replies.to(key);
    if (before !== null) return before;
    let execution: Execution | null = null;
    try {
      const found = this.find(call, "mutation");
      const args = this.checkedArgs(found, call.args);
      return await this.transact(async (tx) => {
        execution = this.execution("mutation", found.path, call, tx);
        const value = await this.invoke(found, args, execution);
        const mustCommit = key !== undefined;
        const ts = mustCommit || tx.hasWritten ? tx.ts : this.db.lastTs;
        const outcome: Outcome = { ok: true, value, ts, logLines: execution.logLines };
        if (key !== undefined) this.replies.keep(key, outcome);
        return { result: outcome, mustCommit };
      });
    } catch (error) {
      return failure(error, call.request, (execution as Execution | null)?.logLines ?? []);
    }
  }

  /** A transaction of the server itself. */
  async system<T>(work: (tx: Transaction) => T): Promise<T> {
    return this.lock.run(() => this.transact((tx) => Promise.resolve({ result: work(tx), mustCommit: false })));
  }

  /** Run a mutation inside a transaction of the server, so that both commit or neither. Needs the lock. */
  async mutationInTransaction(call: Call, around: (tx: Transaction) => void): Promise<void> {
    const found = this.find(call, "mutation");
    const args = this.checkedArgs(found, call.args);
    await this.transact(async (tx) => {
      await this.invoke(found, args, this.execution("mutation", found.path, call, tx));
      around(tx);
      return { result: undefined, mustCommit: true };
    });
  }

  private async transact<T>(work: (tx: Transaction) => Promise<{ result: T; mustCommit: boolean }>): Promise<T> {
    const tx = new Transaction(this.db, true);
    this.db.begin();
    let result: T;
    try {
      const done = await work(tx);
      result = done.result;
      if (tx.hasWritten || done.mustCommit) this.db.commitAt(tx.ts);
      else this.db.rollback();
    } catch (error) {
      tx.rollback();
      throw error;
    }
    runOutside(() => {
      if (tx.touched.length > 0) for (const listener of this.listeners) listener(tx.touched, tx.ts);
      for (const after of tx.afterCommit) after();
    });
    return result;
  }

  async action(call: Call): Promise<Outcome> {
    let execution: Execution | null = null;
    try {
      const found = this.find(call, "action");
      const args = this.checkedArgs(found, call.args);
      execution = this.execution("action", found.path, call, null);
      const value = await this.invoke(found, args, execution);
      return { ok: true, value, ts: this.db.lastTs, logLines: execution.logLines };
    } catch (error) {
      return failure(error, call.request, execution?.logLines ?? []);
    }
  }

  /** `cut` is called when it loses an error after its answer: the body may never end. */
  async httpAction(
    handler: HttpHandler,
    request: Request,
    caller: { identity: Identity; info: RequestInfo },
    cut: () => void,
  ): Promise<Response> {
    const { identity, info } = caller;
    const execution = new Execution({ kind: "httpAction", path: "http", identity, request: info, tx: null });
    try {
      const answer = await within(execution, ACTION_TIMEOUT_MS, () => handler.invokeHttpAction(request));
      execution.end = cut; // it stays open: its body may use ctx
      return answer;
    } catch (error) {
      console.error(`http action ${request.method} ${new URL(request.url).pathname}: ${String((error as Error).stack ?? error)}`);
      const failed = failure(error, info, []) as Outcome & { ok: false };
      const message = failed.message.slice(failed.message.indexOf("\n") + 1);
      return Response.json({ code: message, trace: message }, { status: 500 });
    }
  }

  /** Let no later commit have a timestamp up to `ts`. */
  async advanceClock(ts: bigint): Promise<void> {
    await this.lock.run(() => {
      if (ts > this.db.lastTs) {
        this.db.begin();
        this.db.commitAt(ts);
      }
      return Promise.resolve();
    });
  }

  /** A call from inside a query or mutation: the same transaction, its own writes taken back when it fails. */
  async nested(parent: Execution, type: "query" | "mutation", path: string, args: JSONValue): Promise<string> {
    const tx = parent.tx as Transaction;
    if (type === "mutation" && parent.kind === "query") throw new CallRefused("Queries cannot call mutations");
    if (parent.depth >= MAX_DEPTH) throw new CallRefused(`Functions may call each other ${MAX_DEPTH} deep`);
    const found = findFunction(this.deployment, path, { type, mayCallInternal: true });
    const checked = this.checkedArgs(found, args);
    const { identity, request } = parent;
    const execution = new Execution({ kind: type, path: found.path, identity, request, tx, parent });
    return tx.nested(() => this.invoke(found, checked, execution));
  }

  private execution(kind: FunctionKind, path: string, call: Call, tx: Transaction | null, journal?: Journal): Execution {
    const { identity, request } = call;
    return new Execution({ kind, path, identity, request, tx, ...(journal === undefined ? {} : { journal }) });
  }

  /** The JSON text of `[args]`.
   *  @throws CallRefused when they do not match the function's validator. */
  private checkedArgs(found: ConvexFunction, given: JSONValue): string {
    const args = Array.isArray(given) ? (given.length === 0 ? {} : given[0]) : (given ?? {});
    let text: string;
    try {
      text = JSON.stringify(args); // throws where it is nested too deep
      checkCallSize(text, `Arguments for ${found.path}`);
      const value = jsonToConvex(args as JSONValue);
      if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof ArrayBuffer) {
        throw new CallRefused("ArgumentValidationError: Arguments must be an object");
      }
      checkCallShape(value);
      const problem = found.args.type === "any" ? null : mismatch(found.args, value, this.db.tableOfId);
      if (problem !== null) throw new CallRefused(`ArgumentValidationError: ${problem}`);
    } catch (error) {
      if (error instanceof CallRefused) throw error;
      throw new CallRefused(`ArgumentValidationError: ${messageOf(error)}`);
    }
    return `[${text}]`;
  }

  private async invoke(found: ConvexFunction, args: string, execution: Execution): Promise<string> {
    const limitMs = execution.isTransactional ? TRANSACTION_TIMEOUT_MS : ACTION_TIMEOUT_MS;
    let value: string;
    this.watchdog.entered(found.path);
    try {
      value = await within(execution, limitMs, () => found.invoke(args, execution.request.requestId));
    } finally {
      execution.isOpen = false;
    }
    if (execution.tx?.fault) throw execution.tx.fault;
    this.checkResult(found, value);
    return value;
  }

  private checkResult(found: ConvexFunction, value: string): void {
    const what = `Function ${found.path} return value`;
    checkCallSize(value, what);
    if (value.length > SMALL_RESULT_CHARS) {
      try {
        checkCallShape(jsonToConvex(JSON.parse(value) as JSONValue));
      } catch (error) {
        throw new CallRefused(`${what} invalid: ${messageOf(error)}`);
      }
    }
    if (found.returns !== null && found.returns.type !== "any") {
      const problem = mismatch(found.returns, jsonToConvex(JSON.parse(value) as JSONValue), this.db.tableOfId);
      if (problem !== null) throw new CallRefused(`ReturnsValidationError: ${problem}`);
    }
  }

  /** See `Replies.forget`. */
  async forgetRequests(oldMs: number, recentMs: number): Promise<void> {
    await this.lock.run(() => {
      this.replies.forget(oldMs, recentMs);
      return Promise.resolve();
    });
  }
}

/** What a call gives, unless its time is over or an error that it has lost comes first. */
async function within<T>(execution: Execution, limitMs: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_, reject) => {
    execution.end = reject;
    const text = `Function execution timed out (maximum duration: ${limitMs / 1000}s)`;
    timer = realSetTimeout(() => reject(new CallRefused(text)), limitMs);
  });
  try {
    return await Promise.race([runAs(execution, call), ended]);
  } finally {
    realClearTimeout(timer);
  }
}
