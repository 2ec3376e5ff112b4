// What bundling a folder needs beyond esbuild itself: generated modules, components, WebAssembly, external packages.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Plugin } from "esbuild";
import { messageOf, StartRefused } from "../errors.ts";

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
export const env = process.env;
`;

/** `_generated/api` and `server` when the folder has never been through codegen: they are the same for every folder. */
export const generated: Plugin = {
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

/** Collects what convex.config imports as components, and needs none of them to be installed. */
export function components(found: Set<string>): Plugin {
  return {
    name: "components",
    setup(setup) {
      setup.onResolve({ filter: /(^|\/)convex\.config(\.[jt]s)?$/ }, (args) => {
        if (args.kind === "entry-point") return undefined;
        const component = args.path.replace(/\/?convex\.config(\.[jt]s)?$/, "");
        found.add(component);
        return { path: component, namespace: "component" };
      });
      setup.onLoad({ filter: /.*/, namespace: "component" }, () => ({ contents: "export default {};" }));
    },
  };
}

/** Next.js's marker for server code: on a server it is nothing. */
export const serverOnly: Plugin = {
  name: "server-only",
  setup(setup) {
    setup.onResolve({ filter: /^server-only$/ }, (args) => ({ path: args.path, namespace: "server-only" }));
    setup.onLoad({ filter: /.*/, namespace: "server-only" }, () => ({ contents: "" }));
  },
};

/** `import module from "./x.wasm"` gives a `WebAssembly.Module`. */
export const wasm: Plugin = {
  name: "wasm",
  setup(setup) {
    setup.onResolve({ filter: /\.wasm$/ }, async (args) => {
      if (args.pluginData === "wasm") return undefined; // our own question below
      const { resolveDir, importer, kind } = args;
      const found = await setup.resolve(args.path, { resolveDir, importer, kind, pluginData: "wasm" });
      return found.errors.length > 0 ? { errors: found.errors } : { path: found.path, namespace: "wasm" };
    });
    setup.onLoad({ filter: /.*/, namespace: "wasm" }, (args) => {
      const bytes = `Uint8Array.from(atob("${fs.readFileSync(args.path, "base64")}"), (char) => char.charCodeAt(0))`;
      return { contents: `export default new WebAssembly.Module(${bytes});` };
    });
  },
};

/** `node.externalPackages` of the convex.json beside or above a folder: `["*"]` for all.
 *  @throws StartRefused when that file is not JSON. */
export function externalPackages(dir: string): string[] {
  for (let at = dir; ; at = path.dirname(at)) {
    const file = path.join(at, "convex.json");
    if (fs.existsSync(file)) {
      try {
        const config = JSON.parse(fs.readFileSync(file, "utf8")) as { node?: { externalPackages?: string[] } };
        return config.node?.externalPackages ?? [];
      } catch (error) {
        throw new StartRefused(`${file} cannot be read: ${messageOf(error)}`);
      }
    }
    const isProject = at !== dir && fs.existsSync(path.join(at, "package.json"));
    if (isProject || at === path.dirname(at)) return [];
  }
}

/** Packages that stay where they are installed, such as those with native code; "use node" modules only. */
export function externals(names: readonly string[]): Plugin {
  const isExternal = (name: string) => name !== "convex" && (names.includes("*") || names.includes(name));
  return {
    name: "externals",
    setup(setup) {
      setup.onResolve({ filter: /^[^./]/, namespace: "file" }, (args) => {
        const parts = args.path.split("/");
        const name = parts.slice(0, args.path.startsWith("@") ? 2 : 1).join("/");
        if (args.kind === "entry-point" || !isExternal(name)) return undefined;
        const found = resolveAsNode(args.path, args.resolveDir);
        // Packages of a workspace are linked from elsewhere and may be TypeScript: they are bundled.
        return found?.includes(`${path.sep}node_modules${path.sep}`) ? { path: found, external: true } : undefined;
      });
    },
  };
}

function resolveAsNode(specifier: string, from: string): string | null {
  try {
    return createRequire(path.join(from, "_")).resolve(specifier);
  } catch {
    return null; // not installed, or for `import` alone: bundled like any other
  }
}
