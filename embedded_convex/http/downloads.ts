// Downloads of stored files: whole, or the range that was asked for.
import type { IncomingMessage, ServerResponse } from "node:http";
import { once } from "node:events";
import { HttpRefusal } from "../errors.ts";
import type { FileStore } from "../data/files.ts";

type Range = { from: number; to: number };

/** `bytes=a-b`, `bytes=a-` or `bytes=-n`. Several ranges at once are answered with the whole file, as HTTP allows.
 *  @throws HttpRefusal 416 when it lies outside of the file. */
function rangeOf(header: string | undefined, size: number): Range | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (size === 0 || match === null || (match[1] === "" && match[2] === "")) return null;
  const [, first = "", last = ""] = match;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (from >= size || from >= to) throw new HttpRefusal(416, "RangeNotSatisfiable", `the file has ${size} bytes`);
  return { from, to };
}

export async function serveFile(
  files: FileStore,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  headers: Record<string, string>,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new HttpRefusal(405, "MethodNotAllowed", "files are read with GET");
  }
  const file = files.byToken(url.pathname.slice("/api/storage/".length));
  if (file === null) throw new HttpRefusal(404, "FileNotFound", "File not found");
  const etag = `"${file.sha256}"`;
  const common = {
    ...headers,
    "accept-ranges": "bytes",
    // Somebody's HTML or SVG must not run as a page of this address.
    "x-content-type-options": "nosniff",
    "content-security-policy": "script-src 'none'",
    "cache-control": "private, max-age=2592000",
    etag,
    "content-type": file.contentType ?? "application/octet-stream",
    digest: `sha-256=${Buffer.from(file.sha256, "hex").toString("base64")}`,
  };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, common).end();
    return;
  }
  const ifRange = request.headers["if-range"];
  const range = ifRange === undefined || ifRange === etag ? rangeOf(request.headers.range, file.size) : null;
  const { from, to } = range ?? { from: 0, to: file.size };
  const part = range === null ? {} : { "content-range": `bytes ${from}-${to - 1}/${file.size}` };
  response.writeHead(range === null ? 200 : 206, { ...common, ...part, "content-length": to - from });
  if (request.method === "GET") {
    for (const piece of files.read(file.storageId, from, to)) {
      if (response.destroyed) return;
      if (!response.write(piece)) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
  }
  response.end();
}
