// Which files of a folder become functions, and what they may import: as `npx convex deploy` has it.
import { expect, test } from "vitest";
import { EmbeddedServer } from "../server.ts";
import { api, project, serve } from "./folder.ts";

const QUERY = `import { query } from "./_generated/server"; export const get = query(() => "here");`;
const NODE_ACTION = (body: string, imports: string) =>
  `"use node";\n${imports}\nimport { action } from "./_generated/server"; export const run = action(async () => ${body});`;

test("components are refused by name, whether they are installed or not", async () => {
  const dir = project({
    "convex/convex.config.ts": `import { defineApp } from "convex/server";
      import limiter from "@acme/limiter/convex.config"; import own from "./own/convex.config.js";
      const app = defineApp(); app.use(limiter); app.use(own, { name: "mine" }); export default app;`,
    "convex/own/convex.config.ts": `import { defineComponent } from "convex/server"; export default defineComponent("own");`,
    "convex/limits.ts": `import { Limiter } from "@acme/limiter"; export const limiter = new Limiter();`,
  });
  await expect(EmbeddedServer.start(dir)).rejects.toThrow(/components, which .* not support: @acme\/limiter, \.\/own\./);
});

test("an app without components may have a convex.config", async () => {
  const client = await serve({
    "convex/convex.config.ts": `import { defineApp } from "convex/server"; import { v } from "convex/values";
      export default defineApp({ env: { CONTRACTS_VARIABLE: v.string() } });`,
    "convex/a.ts": `import { env, query } from "./_generated/server"; export const get = query(() => env.CONTRACTS_VARIABLE);`,
  });
  expect(await client.query(api["a"]!["get"]!)).toBe("set for the tests");
});

test("the folder of a component, a file without exports, and a file of two dots are no functions", async () => {
  const client = await serve({
    "convex/a.ts": QUERY,
    "convex/part/convex.config.ts": `import { defineComponent } from "convex/server"; export default defineComponent("part");`,
    "convex/part/deep/inside.ts": `import "not-installed"; export {};`,
    "convex/notes.ts": "// nothing yet\n",
    "convex/a.test.ts": `import "not-installed"; export {};`,
    "convex/two words.ts": `import "not-installed"; export {};`,
    "convex/README.md": "# not code",
  });
  expect(await client.query(api["a"]!["get"]!)).toBe("here");
});

test("a module of the default runtime may import async_hooks and server-only", async () => {
  const client = await serve({
    "convex/a.ts": `import "server-only"; import { AsyncLocalStorage } from "async_hooks"; import { query } from "./_generated/server";
      const current = new AsyncLocalStorage<string>(); export const get = query(() => current.run("inside", () => current.getStore()));`,
  });
  expect(await client.query(api["a"]!["get"]!)).toBe("inside");
});

test("an import of WebAssembly is a compiled module", async () => {
  const adds = "0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b";
  const client = await serve({
    "convex/add.wasm": Buffer.from(adds, "hex"),
    "convex/a.ts": `import { query } from "./_generated/server"; import add from "./add.wasm";
      export const get = query(async () => (new WebAssembly.Instance(add).exports.add as (a: number, b: number) => number)(2, 3));`,
  });
  expect(await client.query(api["a"]!["get"]!)).toBe(5);
});

test("external packages of convex.json stay where they are installed", async () => {
  const client = await serve({
    "package.json": `{"dependencies": {"where": "1.0.0"}}`,
    "convex.json": `{"node": {"externalPackages": ["*"]}}`,
    "node_modules/where/package.json": `{"name": "where", "version": "1.0.0", "main": "index.js"}`,
    "node_modules/where/index.js": "exports.where = __dirname;",
    "convex/a.ts": NODE_ACTION("where", `import { where } from "where";`),
  });
  expect(await client.action(api["a"]!["run"]!)).toMatch(/convex-folder-\w+\/node_modules\/where$/);
});

test("`use node` may stand behind comments and other directives", async () => {
  const client = await serve({
    "convex/a.ts": `// A comment.\n/* And one more */ "use strict";\n` + NODE_ACTION("typeof path.join", `import path from "path";`),
  });
  expect(await client.action(api["a"]!["run"]!)).toBe("function");
});

test("an error class of the folder keeps its name when a library has one of the same name", async () => {
  const error = `export class NotFound extends Error { constructor(text: string) { super(text); this.name = this.constructor.name; } }`;
  const client = await serve({
    "convex/errors.ts": error,
    "convex/other.ts": error,
    "convex/a.ts": `import { query } from "./_generated/server"; import { NotFound } from "./errors"; import * as other from "./other";
      class Local extends other.NotFound {}
      export const get = query(() => { if (Math.random() > 2) throw new Local("no"); throw new NotFound("gone"); });`,
  });
  await expect(client.query(api["a"]!["get"]!)).rejects.toThrow(/Server Error\nUncaught NotFound: gone$/);
});
