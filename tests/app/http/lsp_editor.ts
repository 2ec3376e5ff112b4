/**
 * An editor as Monaco's language client is one: the messages of `vscode-ws-jsonrpc` over a websocket.
 * `node lsp_editor.ts URL TOKEN` prints what it was told as one line of JSON.
 */
import { createWebSocketConnection, toSocket } from "vscode-ws-jsonrpc";

type MessageConnection = ReturnType<typeof createWebSocketConnection>;

const FILE = "file:///workspace/src/use.ts";
const TEXT = 'import { add } from "./math";\nexport const n: number = add(1, "2");\n';

interface Published {
  uri: string;
  version?: number;
  diagnostics: { code: number }[];
}

const logger = { error: console.error, warn: console.error, info: () => {}, log: () => {} };

async function opened(url: string, token: string): Promise<MessageConnection> {
  const socket = new WebSocket(url, ["polaris.lsp", `bearer.${token}`]);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("no websocket")));
  });
  return createWebSocketConnection(toSocket(socket), logger);
}

async function main(url: string, token: string): Promise<void> {
  const connection = await opened(url, token);
  const published = new Promise<Published>((resolve) => {
    connection.onNotification("textDocument/publishDiagnostics", (said: Published) => {
      if (said.diagnostics.length > 0) resolve(said);
    });
  });
  connection.listen();
  const root = { rootUri: "file:///workspace", processId: null, capabilities: {} };
  const { serverInfo } = await connection.sendRequest<{ serverInfo: { name: string } }>("initialize", root);
  await connection.sendNotification("initialized", {});
  const textDocument = { uri: FILE, languageId: "typescript", version: 1, text: TEXT };
  await connection.sendNotification("textDocument/didOpen", { textDocument });
  const { uri, version, diagnostics } = await published;
  const position = { line: 1, character: 26 };
  const places = await connection.sendRequest<{ uri: string }[]>("textDocument/definition", {
    textDocument: { uri: FILE },
    position,
  });
  await connection.sendRequest("shutdown");
  await connection.sendNotification("exit");
  const codes = diagnostics.map((it) => it.code);
  console.log(JSON.stringify({ server: serverInfo.name, uri, version, codes, places: places.map((it) => it.uri) }));
  connection.dispose();
}

const [url, token] = process.argv.slice(2);
if (url === undefined || token === undefined) throw new Error("usage: lsp_editor.ts URL TOKEN");
await main(url, token);
