// What comes of a call, and errors as callers see them.
import type { JSONValue } from "convex/values";
import { CallRefused, HttpRefusal, messageOf, stackOf } from "../errors.ts";
import type { RequestInfo } from "./execution.ts";

/** A value is JSON text in Convex's encoding. `data` is there for a ConvexError only. */
export type Outcome =
  | { ok: true; value: string; ts: bigint; logLines: string[] }
  | { ok: false; message: string; data?: JSONValue; logLines: string[] };

/** An error as callers see it. Faults of the store are not the function's: they are thrown on. */
export function failure(error: unknown, request: RequestInfo, logLines: string[]): Outcome {
  if (isStoreFault(error)) {
    throw new HttpRefusal(503, "InternalServerError", `The store cannot serve this now: ${messageOf(error)}`);
  }
  if (error instanceof HttpRefusal) throw error;
  const prefix = `[Request ID: ${request.requestId}] Server Error\n`;
  if (error instanceof CallRefused) return { ok: false, message: prefix + error.message, logLines };
  const data = convexErrorData(error);
  if (data !== undefined) {
    return { ok: false, message: `${prefix}Uncaught ConvexError: ${messageOf(error)}`, data, logLines };
  }
  const name = error instanceof Error ? error.name : "Error";
  console.error(`request ${request.requestId} failed: ${stackOf(error)}`);
  return { ok: false, message: `${prefix}Uncaught ${name}: ${messageOf(error)}`, logLines };
}

/** convex/server has turned the data of a ConvexError into JSON text on its way out. */
export function convexErrorData(error: unknown): JSONValue | undefined {
  if (typeof error !== "object" || error === null || !(Symbol.for("ConvexError") in error)) return undefined;
  const { data } = error as unknown as { data: unknown };
  return typeof data === "string" ? (JSON.parse(data) as JSONValue) : null;
}

export function isStoreFault(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ERR_SQLITE_ERROR";
}
