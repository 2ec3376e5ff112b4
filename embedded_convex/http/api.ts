// Convex's HTTP API: functions, files, and the folder's own HTTP actions.
import { type IncomingMessage, type ServerResponse } from "node:http";
import type { JSONValue } from "convex/values";
import { MAX_PATH_CHARS } from "../code/functions.ts";
import { HttpRefusal, messageOf } from "../errors.ts";
import { serveFile } from "./downloads.ts";
import { serveHttpAction } from "./actions.ts";
import { CORS, discard, readBody, refuse, reply, requestInfo, type Site, urlOf } from "./exchange.ts";
import type { Outcome } from "../execution/outcome.ts";
import type { Call } from "../execution/runner.ts";
import { MAX_CALL_BYTES, printEncoded, printLossy, printTs } from "../values/values.ts";

// The body holds the arguments and a little around them.
const MAX_BODY_BYTES = MAX_CALL_BYTES + (1 << 16);
const MAX_UPLOAD_BYTES = 512 << 20; // an upload is held in memory until it is committed
const MAX_BATCH = 128;

type Format = "json" | "convex_encoded_json";
type FunctionBody = { path: string; args: JSONValue; format: Format };

export class HttpApi {
  private readonly site: Site;

  constructor(site: Site) {
    this.site = site;
  }

  /** The address that clients know: the API and, where it does not use the path or under `/http`, HTTP actions. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.answering(request, response, async () => {
      const url = urlOf(request, this.site.files.origin);
      const isApi = url.pathname.startsWith("/api/") || url.pathname === "/version" || url.pathname === "/instance_name";
      if (!isApi) {
        if (url.pathname === "/http" || url.pathname.startsWith("/http/")) url.pathname = url.pathname.slice("/http".length);
        await serveHttpAction(this.site, request, response, url);
        return;
      }
      this.site.origins.check(request.headers);
      if (request.method === "OPTIONS") {
        response.writeHead(204, CORS).end();
      } else {
        await this.route(request, response, url);
      }
    });
  }

  /** The address of the site: every path is one of the folder's HTTP actions. */
  async serveSite(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.answering(request, response, () => {
      return serveHttpAction(this.site, request, response, urlOf(request, this.site.siteOrigin));
    });
  }

  private async answering(request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): Promise<void> {
    try {
      await answer();
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the client has gone: nobody hears the answer
      await discard(request);
      refuse(response, error);
    }
  }

  private async route(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { pathname } = url;
    const send = (text: string) => reply(response, 200, text);
    if (pathname === "/version") return reply(response, 200, "embedded", "text/plain");
    if (pathname === "/instance_name") return reply(response, 200, "embedded", "text/plain");
    if (pathname === "/api/storage/upload") return this.upload(request, response, url);
    if (pathname.startsWith("/api/storage/")) return serveFile(this.site.files, request, response, url, CORS);
    const name = pathname.slice("/api/".length);
    if (request.method === "GET" && name === "query") {
      const args = parseJson(url.searchParams.get("args") ?? "{}");
      const body = { path: url.searchParams.get("path"), args, format: url.searchParams.get("format") ?? "json" };
      return send(await this.call("query", request, functionBody(body)));
    }
    if (request.method !== "POST") throw new HttpRefusal(405, "MethodNotAllowed", `${pathname} takes POST`);
    switch (name) {
      case "query":
      case "mutation":
      case "action":
      case "query_at_ts":
      case "function": {
        const body = functionBody(await jsonBody(request));
        const type = name === "query_at_ts" ? "query" : name === "function" ? "any" : name;
        return send(await this.call(type, request, body));
      }
      case "query_ts":
        await readBody(request, MAX_BODY_BYTES);
        return send(JSON.stringify({ ts: printTs(this.site.runner.db.lastTs) }));
      case "query_batch":
        return send(await this.batch(request, await jsonBody(request)));
    }
    if (name.startsWith("run/")) {
      const body = ((await jsonBody(request)) ?? {}) as { args?: JSONValue; format?: string };
      const at = name.lastIndexOf("/");
      const path = `${name.slice("run/".length, at)}:${name.slice(at + 1)}`; // identifiers: nothing in them is escaped
      return send(await this.call("any", request, functionBody({ ...body, path, args: body.args ?? {} })));
    }
    throw new HttpRefusal(404, "NotFound", `there is nothing at ${pathname}`);
  }

  private async call(type: "query" | "mutation" | "action" | "any", request: IncomingMessage, body: FunctionBody): Promise<string> {
    const identity = await this.site.authenticator().ofHeader(request.headers.authorization);
    const call: Call = { path: body.path, args: body.args, identity, request: requestInfo(request) };
    return printOutcome(await this.site.runner[type](call), body.format);
  }

  /** All queries of a batch see one snapshot. */
  private async batch(request: IncomingMessage, body: JSONValue): Promise<string> {
    const queries = (body as { queries?: JSONValue[] } | null)?.queries;
    if (!Array.isArray(queries) || queries.length > MAX_BATCH) {
      throw new HttpRefusal(400, "BadJsonBody", `\`queries\` must be a list of at most ${MAX_BATCH}`);
    }
    const { runner } = this.site;
    const identity = await this.site.authenticator().ofHeader(request.headers.authorization);
    const info = requestInfo(request);
    const bodies = queries.map(functionBody);
    const results = await runner.lock.run(async () => {
      const printed: string[] = [];
      for (const { path, args, format } of bodies) {
        const { outcome } = await runner.queryInLock({ path, args, identity, request: info });
        printed.push(printOutcome(outcome, format));
      }
      return printed;
    });
    return `{"results":[${results.join(",")}]}`;
  }

  private async upload(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (request.method !== "POST") throw new HttpRefusal(405, "MethodNotAllowed", "upload with POST");
    this.site.files.checkUploadToken(url.searchParams.get("token") ?? "");
    const bytes = await readBody(request, MAX_UPLOAD_BYTES);
    const digest = /sha-256=([A-Za-z0-9+/=]+)/i.exec(String(request.headers["digest"] ?? ""))?.[1];
    const contentType = request.headers["content-type"] ?? null;
    const storageId = await this.site.runner.system((tx) => this.site.files.store(tx, bytes, contentType, digest));
    reply(response, 200, JSON.stringify({ storageId }));
  }
}

function printOutcome(outcome: Outcome, format: Format): string {
  const print = (json: JSONValue) => (format === "json" ? printLossy(json) : printEncoded(json));
  const logLines = JSON.stringify(outcome.logLines);
  if (outcome.ok) return `{"status":"success","value":${print(JSON.parse(outcome.value) as JSONValue)},"logLines":${logLines}}`;
  const data = outcome.data === undefined ? "" : `"errorData":${print(outcome.data)},`;
  return `{"status":"error","errorMessage":${JSON.stringify(outcome.message)},${data}"logLines":${logLines}}`;
}

function functionBody(body: unknown): FunctionBody {
  const { path, args, format } = (body ?? {}) as { path?: unknown; args?: JSONValue; format?: unknown };
  if (typeof path !== "string" || path === "" || path.length > MAX_PATH_CHARS)
    throw new HttpRefusal(400, "BadJsonBody", "`path` must be a function's path");
  if (args === undefined) throw new HttpRefusal(400, "BadJsonBody", "missing field `args`");
  if (format !== undefined && format !== null && format !== "json" && format !== "convex_encoded_json") {
    throw new HttpRefusal(400, "BadFormat", "`format` must be json or convex_encoded_json");
  }
  return { path, args, format: format ?? "json" };
}

async function jsonBody(request: IncomingMessage): Promise<JSONValue> {
  const text = (await readBody(request, MAX_BODY_BYTES)).toString("utf8");
  return parseJson(text);
}

function parseJson(text: string): JSONValue {
  try {
    return JSON.parse(text) as JSONValue;
  } catch (error) {
    throw new HttpRefusal(400, "BadJsonBody", `the body is not JSON: ${messageOf(error)}`);
  }
}
