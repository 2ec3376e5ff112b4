// Requests read and answers written: what the API and the folder's HTTP actions share.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Authenticator } from "../access/auth.ts";
import { realSetTimeout } from "../clock.ts";
import { DeveloperError, HttpRefusal, messageOf } from "../errors.ts";
import { newRequest, type RequestInfo } from "../execution/execution.ts";
import type { FileStore } from "../data/files.ts";
import type { Origins } from "../access/origins.ts";
import { isStoreFault } from "../execution/outcome.ts";
import type { Runner } from "../execution/runner.ts";

const DISCARD_MS = 2000;

export const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, HEAD, OPTIONS",
  "access-control-allow-headers": "*, authorization, content-type, convex-client, range, digest",
  "access-control-expose-headers": "content-range, etag, content-length",
  "access-control-max-age": "86400",
};

/** What an HTTP request is answered from. */
export type Site = {
  runner: Runner;
  files: FileStore;
  origins: Origins;
  authenticator: () => Authenticator;
  /** The address of the HTTP actions, as others see it. */
  siteOrigin: string;
};

/** @throws HttpRefusal 400 for a target that is no URL. */
export function urlOf(request: IncomingMessage, origin: string): URL {
  const url = URL.parse(request.url ?? "/", origin);
  if (url === null) throw new HttpRefusal(400, "BadRequest", "the request's target is not a URL");
  return url;
}

export function requestInfo(request: IncomingMessage): RequestInfo {
  return newRequest({
    ip: request.socket.remoteAddress ?? null,
    userAgent: request.headers["user-agent"] ?? null,
  });
}

/** @throws HttpRefusal 413 above the limit. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () => new HttpRefusal(413, "RequestEntityTooLarge", `the body is larger than ${limit} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limit) throw tooLarge();
    parts.push(part);
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/** Read what the client still sends: one that is cut off while it writes never sees the answer. */
export async function discard(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  const end = new Promise<void>((resolve) => {
    request.on("end", resolve).on("error", resolve).on("close", resolve).resume();
    realSetTimeout(resolve, DISCARD_MS).unref();
  });
  await end;
}

export function reply(response: ServerResponse, status: number, body: string, type = "application/json"): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...CORS, "content-type": type, "content-length": bytes.length });
  response.end(bytes);
}

export function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What was not read of the body would be taken for the next request.
  if (!response.req.complete) response.setHeader("connection", "close");
  if (error instanceof HttpRefusal) {
    return reply(response, error.status, JSON.stringify({ code: error.code, message: error.message }));
  }
  if (isStoreFault(error)) {
    console.error(error);
    return reply(
      response,
      503,
      JSON.stringify({ code: "InternalServerError", message: `The store cannot serve this now: ${messageOf(error)}` }),
    );
  }
  if (error instanceof DeveloperError) {
    return reply(response, 400, JSON.stringify({ code: "BadRequest", message: error.message }));
  }
  console.error(error);
  reply(response, 500, JSON.stringify({ code: "InternalServerError", message: "Your request couldn't be completed. Try again later." }));
}
