// The language servers of projects: one connection to each, for as long as an editor has a file of its languages open.
import type { Api } from "../data/api.ts";
import { socketOf } from "../data/socket.ts";
import { type LanguageServer, serverOver, type Surroundings } from "../editor/language-server.ts";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const ENDS = [1008, 1009, 4401, 4403, 4404, 4409, 4413]; // asking again does not help

type Watcher = (server: LanguageServer | null) => void;

const connections = new Map<string, Connection>();

/** Tells `watcher` of the server, and null while there is none; until the answer is called. */
export function watchServer(http: Api, projectId: string, server: string, around: Surroundings, watcher: Watcher): () => void {
  const key = `/projects/${projectId}/lsp/${encodeURIComponent(server)}`;
  const connection = connections.get(key) ?? new Connection(http, key, server);
  connections.set(key, connection);
  connection.join(watcher, around);
  return () => {
    if (connection.leave(watcher)) connections.delete(key);
  };
}

class Connection {
  private readonly http: Api;
  private readonly path: string;
  private readonly server: string;
  private readonly watchers = new Set<Watcher>();
  private around: Surroundings | undefined;
  private there: LanguageServer | null = null;
  private socket: WebSocket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waitMs = FIRST_WAIT_MS;
  private isSaid = false; // that it is away: once, until it was there again
  constructor(http: Api, path: string, server: string) {
    this.http = http;
    this.path = path;
    this.server = server;
  }

  join(watcher: Watcher, around: Surroundings): void {
    this.around = around;
    this.watchers.add(watcher);
    if (this.watchers.size === 1) this.open();
    else watcher(this.there);
  }

  /** Whether nobody is left. */
  leave(watcher: Watcher): boolean {
    this.watchers.delete(watcher);
    if (this.watchers.size > 0) return false;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    return true;
  }

  private open(): void {
    const socket = socketOf(this.http, this.path, "polaris.lsp");
    this.socket = socket;
    socket.addEventListener("open", () => void this.introduce(socket));
    socket.addEventListener("close", ({ code, reason }) => this.closed(code, reason));
  }

  private async introduce(socket: WebSocket): Promise<void> {
    const handlers = new Map<(text: string) => void, (event: MessageEvent<string>) => void>();
    const transport = {
      send: (text: string) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      subscribe: (handler: (text: string) => void) => {
        const listener = ({ data }: MessageEvent<string>) => handler(data);
        handlers.set(handler, listener);
        socket.addEventListener("message", listener);
      },
      unsubscribe: (handler: (text: string) => void) => {
        const listener = handlers.get(handler);
        if (listener !== undefined) socket.removeEventListener("message", listener);
      },
    };
    const around: Surroundings = {
      has: (path) => this.around?.has(path) ?? false,
      open: (path) => this.around?.open(path),
      say: (words) => this.around?.say(words),
    };
    try {
      this.tell(await serverOver(transport, around));
      [this.waitMs, this.isSaid] = [FIRST_WAIT_MS, false];
    } catch (problem) {
      if (socket.readyState !== WebSocket.OPEN) return; // `closed` comes back to it
      this.sayOnce((problem as { message?: string }).message ?? "It does not answer.");
      this.waitMs = LONGEST_WAIT_MS;
      socket.close(1000);
    }
  }

  private closed(code: number, reason: string): void {
    this.tell(null);
    if (this.watchers.size === 0) return;
    if (ENDS.includes(code) || code === 4503) this.sayOnce(reason);
    if (ENDS.includes(code)) return;
    this.timer = setTimeout(() => this.open(), this.waitMs);
    this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 2);
  }

  private tell(there: LanguageServer | null): void {
    this.there = there;
    for (const watcher of this.watchers) watcher(there);
  }

  private sayOnce(why: string): void {
    if (!this.isSaid) this.around?.say(`The editor works on without hints of ${this.server}. ${why}`);
    this.isSaid = true;
  }
}
