// Scheduled functions: persisted with the mutation that schedules them, run when due, also after a restart.
import type { JSONValue, Value } from "convex/values";
import { convexToJson, jsonToConvex } from "convex/values";
import { type Document, parseDocument } from "../data/catalog.ts";
import { realClearTimeout, realSetTimeout, wallMs } from "../clock.ts";
import { DeveloperError, messageOf } from "../errors.ts";
import { newRequest, type RequestInfo, runOutside } from "../execution/execution.ts";
import { findFunction, printedPath } from "../code/functions.ts";
import { afterPrefix, encodeKey } from "../values/keys.ts";
import { failure, type Outcome } from "../execution/outcome.ts";
import type { Call, Runner } from "../execution/runner.ts";
import { NOBODY } from "../access/auth.ts";
import type { Transaction } from "../data/transaction.ts";

const TABLE = "_scheduled_functions";
const MAX_RUNNING = 64; // more wait in the file
const MAX_TIMER_MS = 2 ** 31 - 1;
const KEEP_FINISHED_MS = 7 * 24 * 3600 * 1000; // as Convex
const MAX_AHEAD_MS = 5 * 365 * 24 * 3600 * 1000; // Convex: no more than five years
const RETRY_MS = 1000;
const INTERRUPTED = "Transient error while executing action";

export class Scheduler {
  private readonly runner: Runner;
  private timer: NodeJS.Timeout | undefined;
  private readonly running = new Set<Promise<void>>();
  private readonly started = new Set<string>();
  private isStopped = true;

  constructor(runner: Runner) {
    this.runner = runner;
  }

  /** Actions that were running when the last process died have run at most once: they are failed now. */
  async start(): Promise<void> {
    await this.runner.system((tx) => {
      for (const job of jobs(tx, "inProgress", Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER)) {
        tx.patchAny(job._id, { state: { kind: "failed", error: INTERRUPTED }, completedTime: wallMs() });
      }
    });
    this.isStopped = false;
    this.wake();
  }

  /** Add a job inside a transaction.
   *  @throws DeveloperError for a function that cannot be scheduled, or a time too far away. */
  schedule(tx: Transaction, path: string, args: JSONValue, atMs: number): string {
    const found = findFunction(this.runner.deployment, path, { type: "any", mayCallInternal: true });
    if (found.type === "query")
      throw new DeveloperError(`Unsupported function type ${found.path}: only mutations and actions can be scheduled`);
    if (atMs > wallMs() + MAX_AHEAD_MS) throw new DeveloperError("Functions can be scheduled at most 5 years ahead");
    tx.usage.add("functionsScheduled", 1);
    tx.usage.add("scheduledFunctionArgsBytes", JSON.stringify(args).length);
    const id = tx.insertAny(TABLE, {
      name: printedPath(found.path),
      args: [jsonToConvex(args)],
      scheduledTime: atMs,
      state: { kind: "pending" },
    });
    tx.afterCommit.push(() => this.wake());
    return id;
  }

  /** Cancel inside a transaction; a job that has ended is left alone. */
  cancel(tx: Transaction, id: string): void {
    const job = tx.get(id, TABLE, true);
    if (job === null) throw new DeveloperError(`Cannot cancel nonexistent scheduled function ${id}`);
    const { state } = parseDocument(job.body) as unknown as { state: { kind: string } };
    if (state.kind !== "pending" && state.kind !== "inProgress") return;
    tx.patchAny(id, { state: { kind: "canceled" }, completedTime: wallMs() });
  }

  /** Look for due jobs now, and set the timer for the next. */
  wake(): void {
    if (this.isStopped) return;
    realClearTimeout(this.timer);
    this.timer = realSetTimeout(() => void this.tick(), 0);
  }

  private async tick(): Promise<void> {
    if (this.isStopped) return;
    const now = wallMs();
    let found: { due: Job[]; next: number | null };
    try {
      found = await this.runner.lock.run(() => Promise.resolve(this.look(now)));
    } catch (error) {
      console.error(`the scheduler cannot read its jobs: ${messageOf(error)}`);
      found = { due: [], next: now + RETRY_MS };
    }
    const { due, next } = found;
    for (const job of due) {
      this.started.add(job._id);
      const run = runOutside(() => this.run(job)).finally(() => {
        this.started.delete(job._id);
        this.running.delete(run);
        if (this.running.size === MAX_RUNNING - 1) this.wake();
      });
      this.running.add(run);
    }
    if (next !== null && !this.isStopped) {
      realClearTimeout(this.timer);
      this.timer = realSetTimeout(() => void this.tick(), Math.min(Math.max(0, next - wallMs()), MAX_TIMER_MS));
    }
  }

  private look(now: number): { due: Job[]; next: number | null } {
    const { db } = this.runner;
    const pending = readJobs(db, "pending", Number.POSITIVE_INFINITY, this.started.size + MAX_RUNNING + 1);
    const fresh = pending.filter((job) => !this.started.has(job._id));
    const due = fresh.filter((job) => job.scheduledTime <= now).slice(0, MAX_RUNNING - this.running.size);
    const later = fresh.find((job) => !due.includes(job));
    const isFull = due.length + this.running.size >= MAX_RUNNING;
    return { due, next: later === undefined || isFull ? null : later.scheduledTime };
  }

  private async run(job: Job): Promise<void> {
    const call: Call = {
      path: job.name,
      args: convexToJson(job.args),
      identity: NOBODY,
      request: newRequest({ scheduledFunctionId: job._id }),
      mayCallInternal: true,
    };
    try {
      const { type } = this.runner.find(call, "any");
      await (type === "mutation" ? this.runMutation(job, call) : this.runAction(job, call));
    } catch (error) {
      await this.fail(job, call.request, error);
    }
  }

  /** The store's own faults (a full disk…) are not the job's: it stays and is tried again. */
  private async fail(job: Job, request: RequestInfo, error: unknown): Promise<void> {
    try {
      const outcome = failure(error, request, []); // throws the store's own on
      if (!outcome.ok) await this.close(job, { kind: "failed", error: withoutPrefix(outcome.message) });
    } catch (fault) {
      console.error(`scheduled function ${job.name} is tried again: ${messageOf(fault)}`);
      realSetTimeout(() => this.wake(), RETRY_MS).unref();
    }
  }

  /** Exactly once: the job is closed in the transaction of the mutation. */
  private async runMutation(job: Job, call: Call): Promise<void> {
    await this.runner.lock.run(async () => {
      if (stateOf(this.runner, job._id) !== "pending") return;
      await this.runner.mutationInTransaction(call, (tx) => {
        if (stateOf(this.runner, job._id) !== "pending") return; // it has cancelled itself
        tx.patchAny(job._id, { state: { kind: "success" }, completedTime: wallMs() });
      });
    });
  }

  /** At most once: the job is marked before it starts. */
  private async runAction(job: Job, call: Call): Promise<void> {
    const isMine = await this.runner.system((tx) => {
      if (stateOf(this.runner, job._id) !== "pending") return false;
      tx.patchAny(job._id, { state: { kind: "inProgress" } });
      return true;
    });
    if (!isMine) return;
    const outcome: Outcome = await this.runner.action(call);
    await this.close(job, outcome.ok ? { kind: "success" } : { kind: "failed", error: withoutPrefix(outcome.message) });
  }

  private async close(job: Job, state: { kind: "success" } | { kind: "failed"; error: string }): Promise<void> {
    if (state.kind === "failed") console.error(`scheduled function ${job.name} failed: ${state.error}`);
    await this.runner.system((tx) => {
      const kind = stateOf(this.runner, job._id);
      if (kind !== "pending" && kind !== "inProgress") return; // cancelled meanwhile, or swept
      tx.patchAny(job._id, { state, completedTime: wallMs() });
    });
  }

  /** Remove jobs that ended more than a week ago. */
  async sweep(): Promise<void> {
    const before = wallMs() - KEEP_FINISHED_MS;
    await this.runner.system((tx) => {
      for (const kind of ["success", "failed", "canceled"]) {
        for (const job of jobs(tx, kind, before, 1000)) tx.removeAny(job._id);
      }
    });
  }

  /** Wait for what is running, but no longer than `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.isStopped = true;
    realClearTimeout(this.timer);
    if (this.running.size === 0) return;
    await Promise.race([Promise.allSettled(this.running), new Promise<void>((resolve) => realSetTimeout(resolve, graceMs).unref())]);
  }
}

type Job = Document & { name: string; args: Value[]; scheduledTime: number; state: { kind: string } };

function readJobs(db: Runner["db"], kind: string, beforeMs: number, limit: number): Job[] {
  const index = db.catalog.table(TABLE)?.indexes.get("_by_state");
  if (index === undefined) return [];
  const lower = encodeKey([kind]);
  const upper = afterPrefix(beforeMs === Number.POSITIVE_INFINITY ? lower : encodeKey([kind, beforeMs])) as Buffer;
  return db.range(index.id, { lower, upper }, "asc", limit).map((row) => parseDocument(row.body) as Job);
}

function jobs(tx: Transaction, kind: string, beforeMs: number, limit: number): Job[] {
  return readJobs(tx.db, kind, beforeMs, limit);
}

function stateOf(runner: Runner, id: string): string | null {
  const table = runner.db.catalog.table(TABLE);
  const row = table === undefined ? undefined : runner.db.point(table.byId.id, encodeKey([id]));
  return row === undefined ? null : (parseDocument(row.body) as Job).state.kind;
}

function withoutPrefix(message: string): string {
  return message.replace(/^\[Request ID: \w+\] Server Error\n/, "");
}
