// Accepts the WebSockets of the official clients and keeps them alive; what is said over one is in session.ts.
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { HttpRefusal } from "../errors.ts";
import { Guests } from "./guests.ts";
import { requestInfo } from "../http/exchange.ts";
import { isLocalHost, type Origins } from "../access/origins.ts";
import { Session, type SessionParts } from "./session.ts";
import { MAX_CALL_BYTES } from "../values/values.ts";

const PING_MS = 15_000; // clients give up after 30 s (Python) or 60 s (JavaScript) of silence
const PATH = /^\/api\/([^/]+\/)?sync$/;

export type SyncParts = Omit<SessionParts, "guests"> & { origins: Origins };

export class SyncServer {
  private readonly parts: SyncParts;
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_CALL_BYTES * 2 });
  private readonly sessions = new Set<Session>();
  private readonly guests = new Guests();
  private readonly pinger: NodeJS.Timeout;

  constructor(parts: SyncParts) {
    this.parts = parts;
    this.pinger = setInterval(() => {
      for (const session of this.sessions) session.ping();
    }, PING_MS);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = addressOf(request);
    try {
      const path = URL.parse(request.url ?? "/", "http://host")?.pathname ?? "";
      if (!PATH.test(path)) throw new HttpRefusal(404, "NotFound", "there is no socket here");
      this.parts.origins.check(request.headers);
      if (this.guests.isFull(address)) {
        throw new HttpRefusal(429, "TooManySessions", "This address has too many sessions without a user");
      }
    } catch (error) {
      refuseUpgrade(socket, error);
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (ws) => {
      const session = new Session(ws, { ...this.parts, guests: this.guests }, { info: requestInfo(request), address });
      this.sessions.add(session);
      ws.on("close", () => {
        this.sessions.delete(session);
        session.closed();
      });
    });
  }

  close(): void {
    clearInterval(this.pinger);
    for (const session of this.sessions) session.goingAway();
  }
}

/** As Node would have it: an upgrade has no response to write to. */
function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, message } = error instanceof HttpRefusal ? error : { status: 400, message: "bad request" };
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}\r\nconnection: close\r\ncontent-type: text/plain`;
  socket.on("error", () => undefined);
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(message)}\r\n\r\n${message}`);
}

/** Whose session it is: a proxy on this machine says for whom it asks, in the last entry of its list. */
function addressOf(request: IncomingMessage): string {
  const peer = request.socket.remoteAddress ?? "";
  const list = [request.headers["x-forwarded-for"] ?? ""].flat().join(",");
  const last = list.slice(list.lastIndexOf(",") + 1).trim();
  return last !== "" && isLocalHost(peer) ? last : peer;
}
