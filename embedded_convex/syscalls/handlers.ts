// What the handlers of all calls share: their types, the transaction of the function, the function that is named.
import type { JSONValue } from "convex/values";
import { canonicalPath } from "../code/functions.ts";
import type { FileStore } from "../data/files.ts";
import type { Transaction } from "../data/transaction.ts";
import { CallRefused, DeveloperError } from "../errors.ts";
import type { Execution } from "../execution/execution.ts";
import type { Runner } from "../execution/runner.ts";
import type { Scheduler } from "../schedule/scheduler.ts";

export type Parts = { runner: Runner; scheduler: Scheduler; files: FileStore };
export type Arguments = { [name: string]: JSONValue };
export type Handler = (execution: Execution, args: Arguments) => string | Promise<string>;
export type SyncHandler = (execution: Execution, args: Arguments) => string;

/** @throws DeveloperError in an action. */
export function tx(execution: Execution): Transaction {
  if (execution.tx === null) throw new DeveloperError("Actions have no ctx.db: call a query or a mutation");
  return execution.tx;
}

/** @throws DeveloperError in an action or a query. */
export function writable(execution: Execution): Transaction {
  const found = tx(execution);
  if (execution.kind !== "mutation") throw new DeveloperError("Only mutations can write");
  return found;
}

/** What takes the lock of its own: from inside a transaction it would wait for itself. */
export function outsideTransactions(handler: Handler): Handler {
  return (execution, args) => {
    if (execution.tx !== null) throw new DeveloperError("Only actions can do this: queries and mutations cannot");
    return handler(execution, args);
  };
}

/** The path of the function that a call names. */
export function addressOf(args: Arguments): string {
  const { name, functionHandle } = args;
  if (typeof name === "string") return canonicalPath(name);
  if (typeof functionHandle === "string") return functionHandle.replace(/^function:\/\/;/, "");
  throw new CallRefused("References to components are not supported by the embedded Convex");
}
