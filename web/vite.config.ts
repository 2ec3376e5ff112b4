// How the page is built into web/dist, and served with hot reload by `make web`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const api = process.env["API"] ?? "http://127.0.0.1:8787";

/** Puts a compressed copy beside each file, so that no request waits for it. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle({ dir = "" }) {
      const assets = join(dir, "assets");
      for (const name of readdirSync(assets)) {
        writeFileSync(join(assets, `${name}.gz`), gzipSync(readFileSync(join(assets, name)), { level: 9, memLevel: 9 }));
      }
    },
  };
}

/** A class by its file and name: shorter to send than a hash. */
function scopedName(name: string, file: string): string {
  const from = relative(join(import.meta.dirname, "src"), file.replace(/\?.*$/, "")).replace(".module.css", "");
  return `${from.replaceAll(/[^\w]/g, "-")}_${name}`;
}

// What every project needs at once: one file of it is smaller and sooner there than twenty. Left out is what is loaded later.
const LATER =
  "[a-z]+-dialog|changes|files|dialog|ask-card|file-question|file-view|open-files|buffer|json|live|loaded|oidc|whole-call|diff|colours" +
  "|socket|[a-z-]*language-servers?|use-suggestions|use-aids|found(-lines)?";
const OURS = new RegExp(`/web/src/(ui|data|prose|chat|files)/(?!(${LATER})\\.)[^?]*$`); // with a question mark it is a text
// What the page itself loads; this and a file that is asked for anyway are not named as what it needs.
const FIRST = /\/(page|rolldown-runtime)-/;

// What every page of the dashboard needs, in one file too: each file that is loaded later is named in the first one.
const RUNS = /\/web\/src\/(dashboard|data\/(live|loaded)|runs\/(?!job|metrics|plot))/;
const SHARED =
  /(?<!lsp-client)\/node_modules\/(react|react-dom|scheduler|convex|wouter|regexparam|use-sync-external-store|marked)\/|\/_generated\//;

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  html: command === "build" ? { cspNonce: "__NONCE__" } : {},
  css: { modules: { generateScopedName: scopedName } },
  build: {
    outDir: "dist",
    manifest: true,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2023",
    modulePreload: { polyfill: false, resolveDependencies: (asked, names) => names.filter((name) => name !== asked && !FIRST.test(name)) },
    rolldownOptions: {
      checks: { bundlerTimings: false },
      input: ["index.html", "terminal.html"].map((name) => join(import.meta.dirname, name)),
      output: {
        codeSplitting: {
          groups: [
            { name: "page", test: (id: string) => OURS.test(id) || SHARED.test(id) },
            { name: "dialog", test: /\/web\/src\/ui\/dialog\./ },
            { name: "dashboard", test: RUNS },
          ],
        },
      },
    },
  },
  oxc: { jsx: { runtime: "automatic" } },
  plugins: [packed()],
  server: { host: "127.0.0.1", proxy: { "/api": { target: api, ws: true }, "/convex": { target: api, ws: true } } },
}));
