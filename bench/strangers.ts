// Strangers: sockets without a user that watch as many queries as they can, and come back at once when they are closed.
// `node strangers.ts URL SOCKETS QUERIES PATH`, where the query at PATH takes {group, n}. Prints "there" when each socket has
// asked for its queries, and ends when standard input closes.
import { WebSocket } from "ws";

const [url = "", sockets = "10", queries = "9999", udfPath = ""] = process.argv.slice(2);
const AGAIN_MS = 50; // no official client is that impatient

let waiting = Number(sockets);

/** Keeps one socket busy: whenever it was answered, it drops all queries and asks for them again. */
function open(isFirst: boolean): void {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/sync`);
  let version = 0;
  const modify = (modifications: object[]): void => {
    socket.send(JSON.stringify({ type: "ModifyQuerySet", baseVersion: version, newVersion: ++version, modifications }));
  };
  const numbers = Array.from({ length: Number(queries) }, (_, queryId) => queryId);
  const add = numbers.map((queryId) => ({ type: "Add", queryId, udfPath, args: [{ group: "live", n: -1 - queryId }] }));
  const remove = numbers.map((queryId) => ({ type: "Remove", queryId }));
  socket.on("open", () => {
    const sessionId = crypto.randomUUID();
    socket.send(JSON.stringify({ type: "Connect", sessionId, connectionCount: 0, lastCloseReason: null, clientTs: 0 }));
    modify(add);
    if (isFirst && --waiting === 0) console.log("there");
  });
  socket.on("message", (data: Buffer) => {
    if (data.includes('"type":"Transition"')) modify([...remove, ...add]);
  });
  socket.on("error", () => undefined);
  socket.on("close", () => setTimeout(() => open(isFirst && socket.readyState !== WebSocket.OPEN && version === 0), AGAIN_MS));
}

for (let i = 0; i < Number(sockets); i++) open(true);
process.stdin.on("end", () => process.exit(0)).resume();
