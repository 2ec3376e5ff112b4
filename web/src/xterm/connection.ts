// The connection of a terminal to its shell: comes back after a break, and says in words why it does not.
import { after, type Ended, waitMs } from "./ending.ts";

export interface Size {
  readonly cols: number;
  readonly rows: number;
}

export interface State {
  readonly words: string; // empty while all is well
  readonly action: string; // what a person can do about it; empty for nothing
}

export interface Shell {
  readonly token: string;
  readonly projectId: string;
  readonly session: string | null; // null: a new one
}

interface Watcher {
  size(): Size;
  /** `isNew` false: what it showed before follows. */
  onSession(session: string | null, isNew: boolean): void;
  /** The shell that was looked for is gone; a new one follows. */
  onFresh(words: string): void;
  onBytes(bytes: Uint8Array): void;
  onState(state: State): void;
}

type Told =
  | { readonly type: "session"; readonly session: string; readonly isNew: boolean }
  | { readonly type: "exit"; readonly code: number | null }
  | { readonly type: "error"; readonly error: string; readonly code: string };

const PIECE_BYTES = 32 * 1024; // of what is pasted; the server takes 64 KiB in one message
const MOST_WAITING = 256; // keys, or pieces of what is pasted
const WELL: State = { words: "", action: "" };

export class Connection {
  private readonly shell: Shell;
  private readonly watcher: Watcher;
  private token: string;
  private session: string | null;
  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isBegun = false; // the shell is there
  private waiting: Uint8Array<ArrayBuffer>[] = []; // typed while it was coming
  constructor(shell: Shell, watcher: Watcher) {
    [this.shell, this.watcher, this.token, this.session] = [shell, watcher, shell.token, shell.session];
  }

  private get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect(): void {
    clearTimeout(this.timer);
    this.leave();
    const { cols, rows } = this.watcher.size();
    const query = new URLSearchParams({ cols: `${cols}`, rows: `${rows}`, ...(this.session !== null && { session: this.session }) });
    const address = `${location.origin.replace("http", "ws")}/api/projects/${encodeURIComponent(this.shell.projectId)}/terminal?${query}`;
    const socket = new WebSocket(address, ["polaris.terminal", `bearer.${this.token}`]);
    socket.binaryType = "arraybuffer";
    const hadSession = this.session !== null;
    let known: Pick<Ended, "problem" | "exitCode"> = {};
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data !== "string") return this.watcher.onBytes(new Uint8Array(data));
      const told = JSON.parse(data) as Told;
      if (told.type === "session") this.begin(told.session, told.isNew);
      else if (told.type === "exit") known = { exitCode: told.code };
      else {
        known = { problem: told };
        this.watcher.onState({ words: told.error, action: "" });
      }
    };
    socket.onclose = ({ code, reason }) => this.end({ code, reason, hadSession, ...known });
    this.socket = socket;
  }

  /** The page's token was renewed: what is open goes on, the next attempt is made with this one. */
  renew(token: string): void {
    this.token = token;
  }

  /** Goes, and does not come back by itself; the shell goes on. */
  leave(): void {
    if (this.socket === null) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
    this.isBegun = false;
  }

  /** What a person types or pastes. It waits for a shell that is coming, up to a bound; typed into none, it is lost. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.socket === null) return;
    if (!this.isBegun) {
      if (this.waiting.length < MOST_WAITING) this.waiting.push(bytes);
      return;
    }
    this.watcher.onState(WELL);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) this.socket.send(bytes.subarray(at, at + PIECE_BYTES));
  }

  resize({ cols, rows }: Size): void {
    this.tell({ type: "resize", cols, rows });
  }

  /** Ends the shell; `onGone` once it is. */
  close(onGone: () => void): void {
    clearTimeout(this.timer);
    if (this.socket === null || !this.isOpen) return onGone();
    this.socket.onclose = onGone;
    this.tell({ type: "close" });
  }

  private tell(message: object): void {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  private begin(session: string, isNew: boolean): void {
    this.session = session;
    this.isBegun = true;
    this.attempt = 0;
    this.watcher.onSession(session, isNew);
    this.watcher.onState(WELL);
    for (const bytes of this.waiting.splice(0)) this.send(bytes);
  }

  private end(ended: Ended): void {
    this.socket = null;
    this.isBegun = false;
    this.waiting = [];
    const next = after(ended);
    if (!next.keepsSession) {
      this.session = null;
      this.watcher.onSession(null, true);
    }
    if (next.follows === "fresh") {
      this.watcher.onFresh(next.words);
      return this.connect();
    }
    if (next.follows === "retry") {
      this.timer = setTimeout(() => this.connect(), waitMs(this.attempt));
      this.attempt += 1;
    }
    this.watcher.onState({ words: next.follows === "retry" ? `${next.words} Trying again…` : next.words, action: next.action });
  }
}
