// Functions that run later: `ctx.scheduler`.
import type { JSONValue } from "convex/values";
import { addressOf, type Arguments, type Handler, outsideTransactions, type Parts, writable } from "./handlers.ts";

export function schedulerHandlers({ runner, scheduler }: Parts): Record<string, Handler> {
  const at = (args: Arguments): number => (args["ts"] as number) * 1000;
  return {
    "1.0/schedule": (execution, args) =>
      JSON.stringify(scheduler.schedule(writable(execution), addressOf(args), args["args"] as JSONValue, at(args))),
    "1.0/cancel_job": (execution, args) => {
      scheduler.cancel(writable(execution), args["id"] as string);
      return "{}";
    },
    "1.0/actions/schedule": outsideTransactions(async (_, args) =>
      JSON.stringify(await runner.system((own) => scheduler.schedule(own, addressOf(args), args["args"] as JSONValue, at(args)))),
    ),
    "1.0/actions/cancel_job": outsideTransactions(async (_, args) => {
      await runner.system((own) => scheduler.cancel(own, args["id"] as string));
      return "{}";
    }),
  };
}
