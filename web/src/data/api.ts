// The HTTP API, as the page calls it: JSON in and out, errors with the words of the server.
import { createContext, use } from "react";
import type { Session } from "./session.ts";

/** What the server refused, or could not do; `message` is for people, `code` for programs. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Api {
  /** `body`: a value, which goes as JSON, or a file, which goes as it is. */
  call<Answer>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer>;
  /** The bytes of an answer. */
  bytes(path: string): Promise<Blob>;
  readonly features: Session["features"];
  readonly languageServers: Session["languageServers"];
  readonly token: string;
}

/** Calls with the token that a session has at the time. An answer that is no JSON comes back as null. */
export function apiOf(session: Session): Api {
  async function ask(method: string, path: string, body?: unknown, signal: AbortSignal | null = null): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${session.token}` };
    const isFile = body instanceof Blob;
    if (body !== undefined && !isFile) headers["Content-Type"] = "application/json";
    else if (isFile && body.type === "") headers["Content-Type"] = "application/octet-stream";
    const options = { method, headers, signal, body: isFile ? body : body === undefined ? null : JSON.stringify(body) };
    const response = await fetch(`/api${path}`, options).catch(() => null);
    if (response === null) throw new ApiProblem("Polaris does not answer. Is it running? Try again.", 0, "away");
    if (!response.ok) throw problemOf(await response.json().catch(() => null), response.status);
    return response;
  }
  return {
    features: session.features,
    languageServers: session.languageServers,
    get token() {
      return session.token ?? "";
    },
    async call<Answer>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
      return (await (await ask(method, path, body, signal)).json().catch(() => null)) as Answer;
    },
    async bytes(path) {
      return await (await ask("GET", path)).blob();
    },
  };
}

function problemOf(answer: unknown, status: number): ApiProblem {
  const { error, code } = (answer ?? {}) as { error?: string; code?: string };
  return new ApiProblem(error ?? `The server answered ${status}. Try again.`, status, code ?? "unknown");
}

/** A path of a project's files as part of an address. */
export function filePath(projectId: string, path: string): string {
  return `/projects/${projectId}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
}

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = use(ApiContext);
  if (api === null) throw new Error("no ApiContext");
  return api;
}
