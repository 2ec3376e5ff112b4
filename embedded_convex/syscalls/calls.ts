// Other functions: `ctx.runQuery`, `ctx.runMutation`, `ctx.runAction`, from inside a transaction and from actions.
import type { JSONValue } from "convex/values";
import type { Execution } from "../execution/execution.ts";
import { convexErrorData, type Outcome } from "../execution/outcome.ts";
import type { Runner } from "../execution/runner.ts";
import { addressOf, type Arguments, type Handler, outsideTransactions, type Parts, tx } from "./handlers.ts";

export function callHandlers({ runner }: Parts): Record<string, Handler> {
  const fromAction = (type: "query" | "mutation" | "action"): Handler =>
    outsideTransactions(async (execution, args) => {
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
    });
  return {
    "1.0/runUdf": (execution, args) => nested(runner, execution, args),
    "1.0/actions/query": fromAction("query"),
    "1.0/actions/mutation": fromAction("mutation"),
    "1.0/actions/action": fromAction("action"),
  };
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

function valueOf(outcome: Outcome): string {
  if (outcome.ok) return outcome.value;
  const message = outcome.message.replace(/^\[Request ID: \w+\] Server Error\n(Uncaught \w+: )?/, "");
  const error = new Error(message);
  throw outcome.data === undefined ? error : Object.assign(error, { data: outcome.data });
}
