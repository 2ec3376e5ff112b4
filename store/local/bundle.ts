// From a convex/ folder to modules that Node can import: one esbuild pass per runtime, outside the user's folder.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildFailure, type Plugin } from "esbuild";
import { StartRefused } from "./errors.ts";

/** Where a module of the folder can be imported from: "messages", "system/outbox", "schema", "auth.config"… */
export type Bundle = Map<string, string>;

const OUR_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const EXTENSIONS = new Set([".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cts", ".cjs"]);
const CONFIGS = /^(auth|convex)\.config\.(ts|js)$/;

/** The files that Convex would push: no dot files, no declarations, no tests, nothing generated. */
function entryPoints(dir: string): string[] {
  const found: string[] = [];
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const relative = path.relative(dir, path.join(entry.parentPath, entry.name));
    const parts = relative.split(path.sep);
    if (parts.some((part) => part.startsWith(".") || part.startsWith("#") || part === "node_modules")) continue;
    if (parts[0] === "_generated" || relative.includes(" ")) continue;
    if (!EXTENSIONS.has(path.extname(entry.name))) continue;
    const isConfig = parts.length === 1 && CONFIGS.test(entry.name);
    if (!isConfig && entry.name.split(".").length > 2) continue;
    found.push(relative);
  }
  return found.sort();
}

function usesNode(file: string): boolean {
  const start = fs.readFileSync(file, "utf8").slice(0, 4096);
  return /^(\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*["']use node["']/.test(start);
}

/** `_generated/api` and `server` when the folder has never been through codegen: they are the same for every folder. */
const generated: Plugin = {
  name: "generated",
  setup(setup) {
    setup.onResolve({ filter: /_generated\/(api|server)(\.js|\.ts)?$/ }, (args) => {
      if (args.kind === "entry-point") return undefined;
      const base = path.resolve(args.resolveDir, args.path).replace(/\.(js|ts)$/, "");
      if ([".ts", ".js"].some((extension) => fs.existsSync(base + extension))) return undefined;
      return { path: path.basename(base), namespace: "generated", pluginData: args.resolveDir };
    });
    setup.onLoad({ filter: /.*/, namespace: "generated" }, (args) => ({
      contents: args.path === "api" ? GENERATED_API : GENERATED_SERVER,
      resolveDir: args.pluginData as string,
    }));
  },
};

const GENERATED_API = `
import { anyApi, componentsGeneric } from "convex/server";
export const api = anyApi;
export const internal = anyApi;
export const components = componentsGeneric();
`;
const GENERATED_SERVER = `
export { queryGeneric as query, internalQueryGeneric as internalQuery, mutationGeneric as mutation,
  internalMutationGeneric as internalMutation, actionGeneric as action, internalActionGeneric as internalAction,
  httpActionGeneric as httpAction } from "convex/server";
`;

/** Bundle a folder into `cache`, under a name that changes with the content.
 *  @throws StartRefused with esbuild's messages. */
export async function bundle(dir: string, cache: string): Promise<Bundle> {
  if (!fs.existsSync(dir) || !fs.statSync(dir).isDirectory()) throw new StartRefused(`there is no folder ${dir}`);
  const files = entryPoints(dir);
  const isNode = new Map(files.map((file) => [file, usesNode(path.join(dir, file))]));
  const outputs = [
    ...(await run(dir, files.filter((file) => !isNode.get(file)), "isolate")),
    ...(await run(dir, files.filter((file) => isNode.get(file)), "node")),
  ];
  const hash = createHash("sha256");
  for (const { path: name, contents } of outputs) hash.update(name).update(contents);
  const root = path.join(cache, hash.digest("hex").slice(0, 16));
  for (const { path: name, contents } of outputs) {
    const target = path.join(root, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, contents);
  }
  const modules: Bundle = new Map();
  for (const file of files) {
    const name = file.replace(/\.[^.]+$/, "").split(path.sep).join("/");
    const runtime = isNode.get(file) ? "node" : "isolate";
    if (modules.has(name)) throw new StartRefused(`two files of ${dir} make the module ${name}`);
    modules.set(name, path.join(root, runtime, `${name}.mjs`));
  }
  return modules;
}

type Output = { path: string; contents: Uint8Array };

async function run(dir: string, files: string[], runtime: "isolate" | "node"): Promise<Output[]> {
  if (files.length === 0) return [];
  const isNode = runtime === "node";
  const out = path.join(dir, ".out");
  try {
    const { outputFiles } = await build({
      entryPoints: files.map((file) => path.join(dir, file)),
      outbase: dir,
      outdir: out,
      write: false,
      bundle: true,
      splitting: true,
      treeShaking: true,
      format: "esm",
      platform: isNode ? "node" : "browser",
      conditions: ["convex", "module"],
      target: "esnext",
      jsx: "automatic",
      chunkNames: "_deps/[hash]",
      outExtension: { ".js": ".mjs" },
      sourcemap: "inline",
      sourcesContent: false,
      nodePaths: [OUR_MODULES],
      external: isNode ? [] : ["node:*"],
      define: { "process.env.NODE_ENV": '"production"' },
      logLevel: "silent",
      plugins: [generated],
      ...(isNode ? { banner: { js: REQUIRE } } : {}),
    });
    return outputFiles.map((file) => ({
      path: path.join(runtime, path.relative(out, file.path)),
      contents: file.contents,
    }));
  } catch (error) {
    const { errors } = error as BuildFailure;
    if (!Array.isArray(errors)) throw error;
    const lines = errors.map(({ text, location }) => (location === null ? text : `${location.file}:${location.line}: ${text}`));
    throw new StartRefused(`the functions of ${dir} cannot be bundled:\n${lines.join("\n")}`);
  }
}

/** CommonJS packages inside an ES module bundle ask for Node's own modules by \`require\`. */
const REQUIRE = `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);`;
