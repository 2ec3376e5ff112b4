// From a convex/ folder to modules that Node can import: one esbuild pass per runtime, outside the user's folder.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildFailure, Plugin } from "esbuild";
import { components, externalPackages, externals, generated, serverOnly, wasm } from "./bundle_plugins.ts";
import { StartRefused } from "../errors.ts";

/** Where a module of the folder can be imported from: "messages", "system/outbox", "schema", "auth.config"… */
export type Bundle = Map<string, string>;

const OUR_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const EXTENSIONS = new Set([".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cts", ".cjs"]);
const CONFIGS = /^(auth|convex)\.config\.(ts|js)$/;

/** The files that Convex would push: no dot files, no declarations, no tests, nothing generated, no component. */
function entryPoints(dir: string): string[] {
  const found: string[] = [];
  const isComponent = (folder: string): boolean =>
    folder !== "." && (fs.existsSync(path.join(dir, folder, "convex.config.ts")) || isComponent(path.dirname(folder)));
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const relative = path.relative(dir, path.join(entry.parentPath, entry.name));
    const parts = relative.split(path.sep);
    if (parts.some((part) => part.startsWith(".") || part.startsWith("#") || part === "node_modules")) continue;
    if (parts[0] === "_generated" || relative.includes(" ")) continue;
    if (!EXTENSIONS.has(path.extname(entry.name))) continue;
    const isConfig = parts.length === 1 && CONFIGS.test(entry.name);
    if (!isConfig && entry.name.split(".").length > 2) continue;
    if (isComponent(path.dirname(relative)) || !isModule(path.join(dir, relative))) continue;
    found.push(relative);
  }
  return found.sort();
}

/** A TypeScript file without an import or export, such as one that is all comment, is none. */
function isModule(file: string): boolean {
  return !/\.tsx?$/.test(file) || /^\s{0,100}(import|export)/m.test(fs.readFileSync(file, "utf8"));
}

function usesNode(file: string): boolean {
  const start = fs.readFileSync(file, "utf8").slice(0, 4096);
  return /^(\s|;|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|["']use strict["'])*["']use node["']/.test(start);
}

export type Output = { path: string; contents: Uint8Array };

/** A folder as modules: files below a root, which of them is which module, and the files that were read for it. */
export type Built = { outputs: Output[]; modules: [name: string, path: string][]; inputs: string[] };

/** Write what was built below `folder`, under a name that changes with the content. */
export function write(built: Built, folder: string): Bundle {
  const root = path.join(folder, nameOf(built));
  for (const { path: name, contents } of built.outputs) {
    const target = path.join(root, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, contents);
  }
  return new Map(built.modules.map(([name, file]) => [name, path.join(root, file)]));
}

export function nameOf({ outputs }: Built): string {
  const hash = createHash("sha256");
  for (const { path: name, contents } of outputs) hash.update(name).update(contents);
  return hash.digest("hex").slice(0, 16);
}

/** Bundle a folder.
 *  @throws StartRefused with esbuild's messages. */
export async function bundle(dir: string): Promise<Built> {
  if (!fs.existsSync(dir) || !fs.statSync(dir).isDirectory()) throw new StartRefused(`there is no folder ${dir}`);
  const files = entryPoints(dir);
  const isNode = new Map(files.map((file) => [file, usesNode(path.join(dir, file))]));
  await refuseComponents(
    dir,
    files.filter((file) => file.startsWith("convex.config.")),
  );
  const runs = [
    await run(
      dir,
      files.filter((file) => !isNode.get(file)),
      "isolate",
      [],
    ),
    await run(
      dir,
      files.filter((file) => isNode.get(file)),
      "node",
      [externals(externalPackages(dir))],
    ),
  ];
  const modules = new Map<string, string>();
  for (const file of files) {
    const name = file
      .replace(/\.[^.]+$/, "")
      .split(path.sep)
      .join("/");
    const runtime = isNode.get(file) ? "node" : "isolate";
    if (modules.has(name)) throw new StartRefused(`two files of ${dir} make the module ${name}`);
    modules.set(name, path.join(runtime, `${name}.mjs`));
  }
  return {
    outputs: runs.flatMap(({ outputs }) => outputs),
    modules: [...modules],
    inputs: runs.flatMap(({ inputs }) => inputs),
  };
}

type Run = { outputs: Output[]; inputs: string[] };

/** Before anything else is bundled: without its component, the rest of the folder seldom makes sense. */
async function refuseComponents(dir: string, config: string[]): Promise<void> {
  const found = new Set<string>();
  await run(dir, config, "isolate", [components(found)]);
  if (found.size === 0) return;
  throw new StartRefused(
    `convex.config uses components, which the embedded Convex does not support: ${[...found].join(", ")}. ` +
      "Deploy this folder to a Convex deployment instead, or remove the components.",
  );
}

async function run(dir: string, files: string[], runtime: "isolate" | "node", plugins: Plugin[]): Promise<Run> {
  if (files.length === 0) return { outputs: [], inputs: [] };
  const { build } = await import("esbuild"); // a start on code that was kept does without it
  const isNode = runtime === "node";
  const out = path.join(dir, ".out");
  try {
    const { outputFiles, metafile } = await build({
      metafile: true,
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
      // Convex has async_hooks everywhere. Other modules of Node are for "use node", yet libraries may name them.
      external: isNode ? [] : ["node:*", "async_hooks"],
      keepNames: true, // of error classes, which callers see
      define: { "process.env.NODE_ENV": '"production"' },
      logLevel: "silent",
      plugins: [...plugins, generated, serverOnly, wasm],
      ...(isNode ? { banner: { js: REQUIRE } } : {}),
    });
    const outputs = outputFiles.map((file) => ({
      path: path.join(runtime, path.relative(out, file.path)),
      contents: file.contents,
    }));
    // A module of a plugin is named "plugin:file".
    const inputs = Object.keys(metafile.inputs).map((name) => path.resolve(name.replace(/^[a-z-]+:/, "")));
    return { outputs, inputs };
  } catch (error) {
    const { errors } = error as BuildFailure;
    if (!Array.isArray(errors)) throw error;
    const lines = errors.map(({ text, location }) => (location === null ? text : `${location.file}:${location.line}: ${text}`));
    throw new StartRefused(`the functions of ${dir} cannot be bundled:\n${lines.join("\n")}`);
  }
}

/** CommonJS packages inside an ES module bundle ask for Node's own modules by \`require\`. */
const REQUIRE = `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);`;
