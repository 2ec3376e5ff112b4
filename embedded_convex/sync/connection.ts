// The socket of one session. Who sends faster than it is served, or does not read what it is sent, is not read either.
import { WebSocket } from "ws";
import { realSetTimeout } from "../clock.ts";

const MAX_WAITING_BYTES = 4 << 20; // of a client's messages; while more wait for their turn, its socket is not read
const MAX_BUFFERED_BYTES = 4 << 20; // a client that reads slowly gets fewer, newer transitions
const CLOSE_MS = 5000; // for the client's half of the closing handshake

export type Listener = {
  received(data: Buffer): void;
  /** The client has read most of what it was sent. */
  drained(): void;
};

export class Connection {
  private readonly ws: WebSocket;
  private readonly listener: Listener;
  /** What the client has sent and nobody has worked off: in the inbox, among the modifications, in a mutation. */
  private waitingBytes = 0;
  private readonly whenRead: (() => void)[] = [];
  private isAlive = true;
  private isInUse = true;

  constructor(ws: WebSocket, listener: Listener) {
    this.ws = ws;
    this.listener = listener;
    ws.on("message", (data: Buffer) => {
      if (this.isInUse) listener.received(data);
    });
    ws.on("pong", () => {
      this.isAlive = true;
    });
    ws.on("error", () => ws.terminate());
  }

  get isOpen(): boolean {
    return this.isInUse;
  }

  /** Whether much of what was sent has not left yet. */
  get isBehind(): boolean {
    return this.ws.bufferedAmount > MAX_BUFFERED_BYTES;
  }

  /** So many bytes of the client's messages wait for their turn, until they are `done`. */
  wait(bytes: number): void {
    this.waitingBytes += bytes;
    this.readOrPause();
  }

  done(bytes: number): void {
    this.wait(-bytes);
  }

  private readOrPause(): void {
    if (!this.isInUse) return;
    const mustPause = this.waitingBytes > MAX_WAITING_BYTES || this.isBehind;
    if (mustPause === this.ws.isPaused) return;
    if (mustPause) this.ws.pause();
    else this.ws.resume();
  }

  send(text: string): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    this.ws.send(text, () => {
      if (!this.isBehind && this.isInUse) this.drained();
    });
    this.readOrPause();
  }

  /** Until the client has read most of what it was sent, or is gone. */
  async untilRead(): Promise<void> {
    while (this.isInUse && this.isBehind) {
      await new Promise<void>((resolve) => this.whenRead.push(resolve));
    }
  }

  private drained(): void {
    this.readOrPause();
    for (const go of this.whenRead.splice(0)) go();
    this.listener.drained();
  }

  ping(): void {
    if (this.waitingBytes > MAX_WAITING_BYTES) return; // its pong is behind what we do not read
    if (!this.isAlive) {
      this.ws.terminate();
      return;
    }
    this.isAlive = false;
    this.ws.ping();
    this.send('{"type":"Ping"}');
  }

  close(code: number, reason: string, graceMs = CLOSE_MS): void {
    this.closed();
    this.ws.resume(); // or the client's half is never read
    this.ws.close(code, reason);
    realSetTimeout(() => this.ws.terminate(), graceMs).unref();
  }

  /** Nobody listens any more. */
  closed(): void {
    this.isInUse = false;
    for (const go of this.whenRead.splice(0)) go();
  }
}
