// The calls that convex/server makes from inside functions: database, scheduler, storage, other functions.
import type { JSONValue } from "convex/values";
import { CallRefused, DeveloperError } from "./errors.ts";
import { currentExecution, type Execution } from "./execution.ts";
import type { FileStore } from "./files.ts";
import { canonicalPath, printedPath } from "./functions.ts";
import { LIMITS, type Metric } from "./limits.ts";
import { openStream, type PageRequest, type Query, readPage } from "./query.ts";
import { convexErrorData, isStoreFault, type Outcome, type Runner } from "./runner.ts";
import type { Scheduler } from "./scheduler.ts";
import { vectorSearch, type VectorQuery } from "./search.ts";
import { Transaction } from "./transaction.ts";

type Arguments = { [name: string]: JSONValue };
type Handler = (execution: Execution, args: Arguments) => string | Promise<string>;

export type Parts = { runner: Runner; scheduler: Scheduler; files: FileStore };

/** Make `globalThis.Convex`, which convex/server calls. */
export function installSyscalls(parts: Parts): void {
  const sync = syncHandlers();
  const async = { ...transactionHandlers(parts), ...actionHandlers(parts), ...commonHandlers(parts) };
  (globalThis as unknown as { Convex: unknown }).Convex = {
    syscall: (op: string, json: string): string => {
      const handler = sync[op];
      if (handler === undefined) throw new Error(`Unknown operation ${op}`);
      return guarded<string>(current(), () => handler(current(), JSON.parse(json) as Arguments));
    },
    asyncSyscall: async (op: string, json: string): Promise<string> => {
      const handler = async[op];
      if (handler === undefined) throw new Error(`Unknown async operation ${op}`);
      const execution = current();
      while (execution.child !== null) await execution.child;
      return guarded(execution, () => handler(execution, JSON.parse(json) as Arguments));
    },
    jsSyscall: async (op: string, args: Record<string, unknown>): Promise<unknown> => jsSyscall(parts, current(), op, args),
  };
}

function current(): Execution {
  const execution = currentExecution();
  if (execution === undefined) throw new Error("Convex functions can only use ctx while they run");
  if (!execution.isOpen) {
    throw new Error("The function has ended: a promise that it did not await cannot use ctx any more");
  }
  return execution;
}

/** A failure of the file ends the whole call, even when the function catches it. */
function guarded<T>(execution: Execution, call: () => T): T {
  const note = (error: unknown): never => {
    if (isStoreFault(error) && execution.tx !== null) execution.tx.fault = error as Error;
    throw error;
  };
  try {
    const result = call();
    return result instanceof Promise ? (result.catch(note) as T) : result;
  } catch (error) {
    return note(error);
  }
}

function tx(execution: Execution): Transaction {
  if (execution.tx === null) throw new DeveloperError("Actions have no ctx.db: call a query or a mutation");
  return execution.tx;
}

function writable(execution: Execution): Transaction {
  const found = tx(execution);
  if (execution.kind !== "mutation") throw new DeveloperError("Only mutations can write");
  return found;
}

/** What takes the lock of its own: from inside a transaction it would wait for itself. */
function outsideTransactions(handler: Handler): Handler {
  return (execution, args) => {
    if (execution.tx !== null) throw new DeveloperError("Only actions can do this: queries and mutations cannot");
    return handler(execution, args);
  };
}

const int64 = (value: bigint): JSONValue => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return { $integer: bytes.toString("base64") };
};

function syncHandlers(): Record<string, (execution: Execution, args: Arguments) => string> {
  return {
    "1.0/queryStream": (execution, args) => {
      const stream = openStream(tx(execution), args["query"] as unknown as Query);
      return `{"queryId":${execution.addStream(stream)}}`;
    },
    "1.0/queryCleanup": (execution, args) => {
      execution.streams.delete(args["queryId"] as number);
      return "{}";
    },
    "1.0/db/normalizeId": (execution, args) =>
      JSON.stringify({ id: tx(execution).normalizeId(args["table"] as string, args["idString"] as string) }),
    "1.0/getSnapshotTs": (execution) => JSON.stringify(int64(tx(execution).db.lastTs)),
  };
}

function transactionHandlers({ runner, scheduler }: Parts): Record<string, Handler> {
  return {
    "1.0/get": (execution, args) => {
      const row = tx(execution).get(args["id"] as string, args["table"] as string | undefined, args["isSystem"] === true);
      return row === null ? "null" : row.body;
    },
    "1.0/queryStreamNext": (execution, args) => {
      const stream = execution.streams.get(args["queryId"] as number);
      if (stream === undefined) throw new Error("Bad queryId");
      const row = stream.next();
      return row === null ? '{"value":null,"done":true}' : `{"value":${row.body},"done":false}`;
    },
    "1.0/queryPage": (execution, args) => page(execution, args as unknown as PageRequest),
    "1.0/count": (execution, args) => {
      const stream = openStream(tx(execution), {
        source: { type: "FullTableScan", tableName: args["table"] as string, order: null },
        operators: [],
      });
      let count = 0;
      while (stream.next() !== null) count++;
      return String(count);
    },
    "1.0/insert": (execution, args) => {
      const id = writable(execution).insert(args["table"] as string, args["value"] as JSONValue);
      return JSON.stringify({ _id: id });
    },
    "1.0/shallowMerge": (execution, args) => {
      writable(execution).patch(args["id"] as string, args["table"] as string | undefined, args["value"] as JSONValue);
      return "{}";
    },
    "1.0/replace": (execution, args) => {
      writable(execution).replace(args["id"] as string, args["table"] as string | undefined, args["value"] as JSONValue);
      return "{}";
    },
    "1.0/remove": (execution, args) => {
      writable(execution).remove(args["id"] as string, args["table"] as string | undefined);
      return "{}";
    },
    "1.0/schedule": (execution, args) => {
      const at = (args["ts"] as number) * 1000;
      return JSON.stringify(scheduler.schedule(writable(execution), addressOf(args), args["args"] as JSONValue, at));
    },
    "1.0/cancel_job": (execution, args) => {
      scheduler.cancel(writable(execution), args["id"] as string);
      return "{}";
    },
    "1.0/runUdf": (execution, args) => nested(runner, execution, args),
    "1.0/getTransactionMetrics": (execution) => {
      const { used } = tx(execution).usage;
      const entries = Object.entries(LIMITS).map(([metric, limit]) => {
        const count = used[metric as Metric];
        return [metric, { used: count, remaining: limit - count }];
      });
      return JSON.stringify(Object.fromEntries(entries));
    },
  };
}

function page(execution: Execution, request: PageRequest): string {
  if (execution.hasPaginated) {
    throw new DeveloperError(
      "This query or mutation function ran multiple paginated queries. Convex only supports a single paginated query in each function.",
    );
  }
  execution.hasPaginated = true;
  const { journal } = execution;
  const found = readPage(tx(execution), { ...request, endCursor: request.endCursor ?? journal.given });
  journal.kept = found.continueCursor;
  const { bodies, ...rest } = found;
  return `{"page":[${bodies.join(",")}],${JSON.stringify(rest).slice(1)}`;
}

async function nested(runner: Runner, execution: Execution, args: Arguments): Promise<string> {
  tx(execution);
  const type = args["udfType"] === "mutation" ? "mutation" : "query";
  const call = runner.nested(execution, type, addressOf(args), args["args"] as JSONValue);
  execution.child = call.then(
    () => undefined,
    () => undefined,
  );
  try {
    return await call;
  } catch (error) {
    throw forCaller(error);
  } finally {
    execution.child = null;
  }
}

/** An error of a called function as convex/server takes it: `data` is JSON, not text. */
function forCaller(error: unknown): unknown {
  const data = convexErrorData(error);
  return data === undefined ? error : Object.assign(new Error((error as Error).message), { data });
}

function addressOf(args: Arguments): string {
  const { name, functionHandle } = args;
  if (typeof name === "string") return canonicalPath(name);
  if (typeof functionHandle === "string") return functionHandle.replace(/^function:\/\/;/, "");
  throw new CallRefused("References to components are not supported by the embedded Convex");
}

function valueOf(outcome: Outcome): string {
  if (outcome.ok) return outcome.value;
  const message = outcome.message.replace(/^\[Request ID: \w+\] Server Error\n(Uncaught \w+: )?/, "");
  const error = new Error(message);
  throw outcome.data === undefined ? error : Object.assign(error, { data: outcome.data });
}

function actionHandlers({ runner, scheduler }: Parts): Record<string, Handler> {
  const call =
    (type: "query" | "mutation" | "action"): Handler =>
    async (execution, args) => {
      const { identity, request } = execution;
      const outcome = await runner[type]({
        path: addressOf(args),
        args: args["args"] as JSONValue,
        identity,
        request,
        mayCallInternal: true,
      });
      execution.logLines.push(...outcome.logLines);
      return valueOf(outcome);
    };
  const handlers: Record<string, Handler> = {
    "1.0/actions/query": call("query"),
    "1.0/actions/mutation": call("mutation"),
    "1.0/actions/action": call("action"),
    "1.0/actions/schedule": async (_, args) => {
      const at = (args["ts"] as number) * 1000;
      return JSON.stringify(await runner.system((own) => scheduler.schedule(own, addressOf(args), args["args"] as JSONValue, at)));
    },
    "1.0/actions/cancel_job": async (_, args) => {
      await runner.system((own) => scheduler.cancel(own, args["id"] as string));
      return "{}";
    },
    "1.0/actions/vectorSearch": async (_, args) => {
      const query = args["query"] as unknown as VectorQuery;
      const results = await runner.lock.run(() => Promise.resolve(vectorSearch(new Transaction(runner.db, false), query)));
      return JSON.stringify({ results });
    },
  };
  return Object.fromEntries(Object.entries(handlers).map(([op, handler]) => [op, outsideTransactions(handler)]));
}

function commonHandlers({ runner, files }: Parts): Record<string, Handler> {
  /** In a transaction of the function's own, or in one of the server's for an action. */
  const within = async <T>(execution: Execution, work: (tx: Transaction) => T): Promise<T> =>
    execution.tx === null ? runner.system(work) : work(execution.tx);
  return {
    "1.0/getUserIdentity": ({ identity }) => JSON.stringify(identity.kind === "none" ? null : identity.attributes),
    "1.0/createFunctionHandle": (_, args) => JSON.stringify(`function://;${addressOf(args)}`),
    "1.0/getFunctionMetadata": ({ path }) => JSON.stringify({ name: path, componentPath: "" }),
    "1.0/getDeploymentMetadata": () => JSON.stringify({ name: "embedded", region: null, class: "s16" }),
    "1.0/getRequestMetadata": ({ request, identity }) =>
      JSON.stringify({ ...request, authToken: identity.kind === "user" ? identity.token : null }),
    "1.0/auditLog": () => "null",
    "1.0/storageGenerateUploadUrl": () => JSON.stringify(files.uploadUrl()),
    "1.0/storageGetUrl": async (execution, args) =>
      JSON.stringify(await within(execution, (own) => files.url(own, args["storageId"] as string))),
    "1.0/storageGetMetadata": async (execution, args) =>
      JSON.stringify(await within(execution, (own) => files.metadata(own, args["storageId"] as string))),
    "1.0/storageDelete": async (execution, args) => {
      await within(execution, (own) => files.remove(own, args["storageId"] as string));
      return "null";
    },
    "1.0/storageStore": (execution, args) => {
      const bytes = Buffer.from(args["blob"] as string, "base64");
      const sha256 = args["sha256"] as string | undefined;
      return JSON.stringify(files.store(writable(execution), bytes, args["contentType"] as string | null, sha256));
    },
    "1.0/storageGet": async (execution, args) => {
      const found = files.metadata(tx(execution), args["storageId"] as string);
      if (found === null) return "null";
      const bytes = Buffer.concat([...files.read(args["storageId"] as string, 0, found["size"] as number)]);
      return JSON.stringify({ blob: bytes.toString("base64"), contentType: found["contentType"] ?? null });
    },
  };
}

async function jsSyscall({ runner, files }: Parts, execution: Execution, op: string, args: Record<string, unknown>): Promise<unknown> {
  if (execution.tx !== null) throw new Error(`${op} is for actions`);
  if (op === "storage/storeBlob") {
    const { blob, options } = args as { blob: Blob; options?: { sha256?: string } };
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return runner.system((own) => files.store(own, bytes, blob.type === "" ? null : blob.type, options?.sha256));
  }
  if (op === "storage/getBlob") {
    const storageId = args["storageId"] as string;
    const found = files.byId(storageId);
    if (found === null) return null;
    const parts = [...files.read(storageId, 0, found.size)] as Uint8Array<ArrayBuffer>[];
    return new Blob(parts, { type: found.contentType ?? "" });
  }
  throw new Error(`Unknown operation ${op}: ${printedPath(execution.path)}`);
}
