// Documents and queries: `ctx.db`.
import type { JSONValue } from "convex/values";
import { LIMITS, type Metric } from "../data/limits.ts";
import { type PageRequest, readPage } from "../data/pages.ts";
import { vectorSearch, type VectorQuery } from "../data/search.ts";
import { openStream, type Query } from "../data/streams.ts";
import { Transaction } from "../data/transaction.ts";
import { DeveloperError } from "../errors.ts";
import type { Execution } from "../execution/execution.ts";
import { type Handler, outsideTransactions, type Parts, type SyncHandler, tx, writable } from "./handlers.ts";

const int64 = (value: bigint): JSONValue => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return { $integer: bytes.toString("base64") };
};

export function syncDatabaseHandlers(): Record<string, SyncHandler> {
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

export function databaseHandlers({ runner }: Parts): Record<string, Handler> {
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
    "1.0/getTransactionMetrics": (execution) => {
      const { used } = tx(execution).usage;
      const entries = Object.entries(LIMITS).map(([metric, limit]) => {
        const count = used[metric as Metric];
        return [metric, { used: count, remaining: limit - count }];
      });
      return JSON.stringify(Object.fromEntries(entries));
    },
    "1.0/actions/vectorSearch": outsideTransactions(async (_, args) => {
      const query = args["query"] as unknown as VectorQuery;
      const results = await runner.lock.run(() => Promise.resolve(vectorSearch(new Transaction(runner.db, false), query)));
      return JSON.stringify({ results });
    }),
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
