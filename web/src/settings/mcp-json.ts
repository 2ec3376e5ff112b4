// The MCP servers of a project as the text of a `.mcp.json`. Pure; what a server may have, the API knows.
import { isObject, parsedJson } from "../ui/json.ts";

export type Servers = Readonly<Record<string, unknown>>;

const PROGRAM = { command: "npx", args: ["-y", "name-of-the-package"], env: {} };
const ADDRESS = { url: "https://example.com/mcp", headers: {} };

export function textOf(servers: Servers): string {
  return JSON.stringify({ mcpServers: servers }, null, 2);
}

/** The servers by name; throws what is wrong with the text, in words. */
export function serversIn(text: string): Servers {
  const value = parsedJson(text);
  const servers = isObject(value) ? value["mcpServers"] : undefined;
  if (!isObject(servers)) throw new Error('It has to be {"mcpServers": {"name": {…}}}, as in a .mcp.json');
  return servers;
}

/** With one more, for a person to fill in. */
export function withServer(servers: Servers, kind: "program" | "address"): Servers {
  const base = kind === "program" ? "server" : "remote";
  let [name, count] = [base, 1];
  while (name in servers) name = `${base}-${(count += 1)}`;
  return { ...servers, [name]: kind === "program" ? PROGRAM : ADDRESS };
}

export function withoutServer(servers: Servers, name: string): Servers {
  return Object.fromEntries(Object.entries(servers).filter(([each]) => each !== name));
}

/** What a server is, in a line: its command or its address, and which secrets it is given. */
export function lineOf(server: unknown): string {
  if (!isObject(server)) return "";
  const { command, args, url, env, headers } = server;
  const words = [command, ...(Array.isArray(args) ? (args as unknown[]) : []), url].filter((word) => typeof word === "string");
  const secrets = [env, headers].flatMap((each) => (isObject(each) ? Object.keys(each) : []));
  return `${words.join(" ")}${secrets.length === 0 ? "" : ` · ${secrets.join(", ")}`}`;
}
