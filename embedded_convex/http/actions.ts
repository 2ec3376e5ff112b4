// The folder's HTTP actions (http.ts).
import type { IncomingMessage, ServerResponse } from "node:http";
import { once } from "node:events";
import { Readable } from "node:stream";
import type { ReadableStream, ReadableStreamDefaultReader } from "node:stream/web";
import { realSetTimeout } from "../clock.ts";
import { HttpRefusal } from "../errors.ts";
import { requestInfo, type Site } from "./exchange.ts";

const MAX_BODY_BYTES = 20 << 20; // as Convex
const HOLD_MS = 5; // how long a body may take to be called there at once
const MAX_HELD_BYTES = 1 << 20;

/** Answer with the action at the path of `url`. */
export async function serveHttpAction(site: Site, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const method = request.method ?? "GET";
  const { router } = site.runner.deployment;
  if (router === null) throw new HttpRefusal(404, "NotFound", "This Convex deployment does not have HTTP actions enabled.");
  const match = router.lookup(url.pathname, method);
  if (match === null) {
    response.writeHead(404, { "content-type": "text/plain" }).end("No matching routes found");
    return;
  }
  const identity = await site
    .authenticator()
    .ofHeader(request.headers.authorization)
    .catch(() => ({ kind: "none" }) as const);
  const asked = new URL(url);
  if (request.headers.host !== undefined) asked.host = request.headers.host;
  const answer = await site.runner.httpAction(match[0], toRequest(request, asked, method), { identity, info: requestInfo(request) }, () =>
    response.destroy(),
  );
  await send(answer, response, method);
}

function toRequest(request: IncomingMessage, url: URL, method: string): Request {
  const headers = new Headers();
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    headers.append(request.rawHeaders[i] as string, request.rawHeaders[i + 1] as string);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  if (!hasBody) return new Request(url, { method, headers });
  if (Number(headers.get("content-length") ?? 0) > MAX_BODY_BYTES) {
    throw new HttpRefusal(413, "RequestEntityTooLarge", `HTTP actions take at most ${MAX_BODY_BYTES} bytes`);
  }
  let length = 0;
  const body = Readable.from(
    (async function* () {
      for await (const part of request as AsyncIterable<Buffer>) {
        length += part.length;
        if (length > MAX_BODY_BYTES) throw new HttpRefusal(413, "RequestEntityTooLarge", "the body is too large");
        yield part;
      }
    })(),
  );
  return new Request(url, { method, headers, body: Readable.toWeb(body) as unknown as BodyInit, duplex: "half" } as RequestInit);
}

async function send(answer: Response, response: ServerResponse, method: string): Promise<void> {
  response.statusCode = answer.status;
  if (answer.statusText !== "") response.statusMessage = answer.statusText;
  for (const [name, value] of answer.headers) {
    if (name === "set-cookie") response.appendHeader(name, value);
    else response.setHeader(name, value);
  }
  if (answer.body === null || method === "HEAD") {
    response.end();
    return;
  }
  await sendBody(answer.body as unknown as ReadableStream<Uint8Array>, response);
}

/** A body that is there at once gets its length; one that comes bit by bit is passed on as it comes. */
async function sendBody(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  const patience = new Promise<"late">((resolve) => realSetTimeout(() => resolve("late"), HOLD_MS));
  for (;;) {
    const reading = reader.read();
    const first = heldBytes > MAX_HELD_BYTES ? "late" : await Promise.race([reading, patience]);
    if (first === "late") return passOn(reader, reading, held, response);
    if (first.done) break;
    held.push(first.value);
    heldBytes += first.value.byteLength;
  }
  if (!response.hasHeader("content-length") && response.statusCode !== 204) response.setHeader("content-length", heldBytes);
  response.end(Buffer.concat(held));
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function passOn(reader: Reader, reading: ReturnType<Reader["read"]>, held: Uint8Array[], response: ServerResponse): Promise<void> {
  for (const part of held) response.write(part);
  response.flushHeaders();
  for (let part = await reading; !part.done; part = await reader.read()) {
    if (response.destroyed) return reader.cancel();
    if (!response.write(part.value)) await Promise.race([once(response, "drain"), once(response, "close")]);
  }
  response.end();
}
