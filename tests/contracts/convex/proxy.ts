// A WebSocket proxy between a client and the server, to lose connections at the worst moments.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

export type ServerMessage = { type: string; requestId?: number; endVersion?: { ts: string } };

/** Decides on each message of the server, before the client sees it. */
export type Verdict = (message: ServerMessage) => "forward" | "cut";

const FORWARD: Verdict = () => "forward";

export class Proxy {
  /** How often connections were cut. */
  cuts = 0;
  /** How many connections clients have made. */
  connections = 0;
  /** What the server has sent through it, in order. */
  readonly seen: ServerMessage[] = [];
  private verdict: Verdict = FORWARD;
  private readonly listener: WebSocketServer;
  private readonly target: string;
  private readonly live = new Set<() => void>();

  private constructor(listener: WebSocketServer, target: string) {
    this.listener = listener;
    this.target = target;
    listener.on("connection", (client, request) => this.join(client, request.url ?? "/"));
  }

  static async before(url: string): Promise<Proxy> {
    const listener = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(listener, "listening");
    return new Proxy(listener, url.replace(/^http/, "ws"));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** From now on; until `forwardAll`. */
  judge(verdict: Verdict): void {
    this.verdict = verdict;
  }

  forwardAll(): void {
    this.verdict = FORWARD;
  }

  /** Cut the connection instead of forwarding the server's next message of this type. */
  cutAtNext(type: string): void {
    this.judge((message) => {
      if (message.type !== type) return "forward";
      this.forwardAll();
      return "cut";
    });
  }

  /** Cut every connection now. */
  cutAll(): void {
    for (const cut of [...this.live]) cut();
  }

  async close(): Promise<void> {
    this.cutAll();
    const closed = once(this.listener, "close");
    this.listener.close();
    await closed;
  }

  private join(client: WebSocket, path: string): void {
    this.connections++;
    const server = new WebSocket(this.target + path);
    const waiting: Buffer[] = [];
    const cut = (): void => {
      if (this.live.delete(cut)) this.cuts++;
      client.terminate();
      server.terminate();
    };
    this.live.add(cut);
    client.on("message", (data: Buffer) => {
      if (server.readyState === WebSocket.OPEN) server.send(data.toString());
      else waiting.push(data);
    });
    server.on("open", () => {
      for (const data of waiting) server.send(data.toString());
    });
    server.on("message", (data: Buffer) => {
      if (!this.live.has(cut)) return;
      const text = data.toString();
      const message = JSON.parse(text) as ServerMessage;
      this.seen.push(message);
      if (this.verdict(message) === "cut") cut();
      else client.send(text);
    });
    const end = (): void => {
      this.live.delete(cut);
      client.terminate();
      server.terminate();
    };
    client.on("close", end).on("error", end);
    server.on("close", end).on("error", end);
  }
}
