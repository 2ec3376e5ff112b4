// The calls that convex/server makes from inside functions: `globalThis.Convex`.
import { currentExecution, type Execution } from "../execution/execution.ts";
import { isStoreFault } from "../execution/outcome.ts";
import { aboutHandlers } from "./about.ts";
import { callHandlers } from "./calls.ts";
import { databaseHandlers, syncDatabaseHandlers } from "./database.ts";
import type { Arguments, Parts } from "./handlers.ts";
import { schedulerHandlers } from "./scheduler.ts";
import { jsSyscall, storageHandlers } from "./storage.ts";

/** Make `globalThis.Convex`, which convex/server calls. */
export function installSyscalls(parts: Parts): void {
  const sync = syncDatabaseHandlers();
  const async = {
    ...databaseHandlers(parts),
    ...callHandlers(parts),
    ...schedulerHandlers(parts),
    ...storageHandlers(parts),
    ...aboutHandlers(),
  };
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
