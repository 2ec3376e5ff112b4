// The settings of a project, as they are typed: rules for approvals, and servers as in a `.mcp.json`.
import { expect, test } from "vitest";
import { lineOf, serversIn, textOf, withoutServer, withServer } from "../../web/src/settings/mcp-json.ts";
import { keptOf, movedUp, type Rule, typedOf, withNew } from "../../web/src/settings/rules.ts";

const ASK: Rule = { tool: "executeCommand", pattern: "npm install *", policy: "ask" };
const DENY: Rule = { tool: "*File", pattern: "", policy: "deny" };
const ALWAYS: Rule = { tool: "executeCommand", pattern: "npm install left-pad", policy: "allow" };

test("an empty pattern is none", () => {
  expect(keptOf([ASK, { ...DENY, tool: " *File " }])).toEqual([ASK, { tool: "*File", policy: "deny" }]);
  expect(typedOf([{ tool: "*File", policy: "deny" }])).toEqual([DENY]);
  expect(typedOf()).toEqual([]);
});

test("what was always allowed while somebody typed stays, and comes first", () => {
  expect(withNew([DENY], [ASK], [ALWAYS, ASK])).toEqual([ALWAYS, DENY]);
  expect(withNew([], [ASK, ALWAYS], [ASK, ALWAYS])).toEqual([]);
});

test("a rule goes up by one place, and the first one stays", () => {
  expect(movedUp([ASK, DENY, ALWAYS], 2)).toEqual([ASK, ALWAYS, DENY]);
  expect(movedUp([ASK, DENY], 0)).toEqual([ASK, DENY]);
});

test("servers are read from their text, and what is wrong is said", () => {
  const servers = { notes: { type: "stdio", command: "npx", args: ["-y", "notes"], env: { TOKEN: null } } };
  expect(serversIn(textOf(servers))).toEqual(servers);
  expect(() => serversIn("{")).toThrow("This is no JSON");
  for (const text of ["[]", "null", "{}", '{"mcpServers": []}']) expect(() => serversIn(text)).toThrow("as in a .mcp.json");
});

test("servers that are added have names of their own", () => {
  const twice = withServer(withServer(withServer({}, "program"), "program"), "address");
  expect(Object.keys(twice)).toEqual(["server", "server-2", "remote"]);
  expect(Object.keys(withoutServer(twice, "server"))).toEqual(["server-2", "remote"]);
});

test("a server is a line, whatever was typed", () => {
  expect(lineOf({ command: "npx", args: ["-y", "notes"], env: { TOKEN: null } })).toBe("npx -y notes · TOKEN");
  expect(lineOf({ url: "https://example.com/mcp", headers: {} })).toBe("https://example.com/mcp");
  expect(lineOf([1])).toBe("");
});
