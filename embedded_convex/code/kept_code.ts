// What a folder was bundled to, kept between starts: it is taken again when all that went into it is the same.
//
// The place belongs to whoever installed us, as our own code does: a data folder that came from somebody else must not
// bring code along. Each folder of functions has one record there. A record is taken only when every file that was read
// for it has the same content, no file has come or gone where it could be read instead, the bundler is the same, and
// every file of the result has the content that it was written with; everything else bundles again.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { type Built, type Bundle, bundle, nameOf, write } from "./bundle.ts";
import { externalPackages } from "./bundle_plugins.ts";
import { messageOf } from "../errors.ts";

/** `own` is written anew by each process, `kept` (null: nowhere) is shared by all. */
export type CodePlaces = { own: string; kept: string | null };

type Hashes = [file: string, hash: string][];
type Kept = { bundler: string; inputs: string[]; read: Hashes; root: string; written: Hashes; modules: [string, string][] };

const BUNDLER = ["./bundle.ts", "./bundle_plugins.ts", "./kept_code.ts", "../../node_modules/esbuild/package.json"];
const CONFIGS = ["package.json", "tsconfig.json", "jsconfig.json", "convex.json"];
const UNUSED_MS = 24 * 3600_000; // a process says each hour that it uses its code
const TOUCH_MS = 3600_000;
const COMPILED_LIMIT = 3000; // files of Node's compile cache, which never removes one

/** The modules of a folder, from what was kept or bundled anew.
 *  @throws StartRefused when the folder cannot be bundled. */
export async function modulesOf(dir: string, { own, kept }: CodePlaces): Promise<Bundle> {
  // Where a package stays outside of the bundle, what was kept names a place that the next install may move.
  if (kept === null || externalPackages(dir).length > 0) return write(await bundle(dir), own);
  const place = path.join(kept, hashOf(dir).slice(0, 16));
  const found = taken(dir, place);
  if (found !== null) return found;
  const built = await bundle(dir);
  try {
    return keep(dir, place, built);
  } catch (error) {
    console.error(`bundled code is not kept for the next start: ${messageOf(error)}`);
    return write(built, own);
  } finally {
    sweep(kept);
  }
}

function taken(dir: string, place: string): Bundle | null {
  try {
    const record = JSON.parse(fs.readFileSync(path.join(place, "kept.json"), "utf8")) as Kept;
    const root = path.join(place, record.root);
    if (record.bundler !== bundlerNow() || !isSame(record.read, readFor(dir, record.inputs))) return null;
    if (!record.written.every(([file, hash]) => hashOfFile(path.join(root, file)) === hash)) return null;
    inUse(root);
    return new Map(record.modules.map(([name, file]) => [name, path.join(root, file)]));
  } catch {
    return null; // none, or none of this version: it is written anew
  }
}

/** Whole or not at all: other processes read and write the same place. */
function keep(dir: string, place: string, built: Built): Bundle {
  fs.mkdirSync(place, { recursive: true, mode: 0o700 });
  const draft = fs.mkdtempSync(path.join(place, "draft-"));
  try {
    write(built, draft);
    const name = nameOf(built);
    const root = path.join(place, name);
    const written: Hashes = built.outputs.map(({ path: file, contents }) => [file, hashOf(contents)]);
    if (!written.every(([file, hash]) => hashOfFile(path.join(root, file)) === hash)) {
      fs.rmSync(root, { recursive: true, force: true });
      fs.renameSync(path.join(draft, name), root);
    }
    const { inputs, modules } = built;
    const record: Kept = { bundler: bundlerNow(), inputs, read: readFor(dir, inputs), root: name, written, modules };
    fs.writeFileSync(path.join(draft, "kept.json"), JSON.stringify(record));
    fs.renameSync(path.join(draft, "kept.json"), path.join(place, "kept.json"));
    inUse(root);
    return new Map(built.modules.map(([module, file]) => [module, path.join(root, file)]));
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

function bundlerNow(): string {
  const sources = BUNDLER.map((file) => hashOfFile(path.join(import.meta.dirname, file)));
  return hashOf([process.version, ...sources].join("\n"));
}

/** Everything that decides what a bundle of `dir` is, with its content: the files that were read; those beside them, in
 *  whose place an import could find another; and what configures the resolution of imports. */
function readFor(dir: string, inputs: readonly string[]): Hashes {
  const files = new Set<string>(inputs);
  const folders = new Set<string>([dir, ...foldersIn(dir)]);
  for (const file of inputs.filter((input) => !input.startsWith(dir + path.sep))) {
    folders.add(path.dirname(file)).add(path.dirname(path.dirname(file))); // "./a" is a.ts, or else a/index.ts
  }
  for (const folder of [...folders]) {
    for (let at = folder; ; at = path.dirname(at)) {
      for (const name of CONFIGS) files.add(path.join(at, name));
      files.add(path.join(at, "node_modules"));
      if (at === path.dirname(at)) break;
    }
  }
  for (const folder of foldersIn(dir)) for (const name of namesIn(folder)) files.add(path.join(folder, name));
  for (const folder of folders) files.add(folder);
  return [...files].sort().map((file) => [file, stateOf(file)]);
}

/** `dir` and the folders below it, without packages and what a dot hides. */
function foldersIn(dir: string): string[] {
  const below = fs
    .readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
    .flatMap((entry) => foldersIn(path.join(dir, entry.name)));
  return [dir, ...below];
}

function namesIn(folder: string): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
}

/** A file by its content; a folder by its names, for a new one may come in where another was found. */
function stateOf(file: string): string {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return "";
  if (!found.isDirectory()) return hashOfFile(file);
  if (path.basename(file) === "node_modules") return "folder";
  return hashOf(
    namesIn(file)
      .filter((name) => !name.startsWith("."))
      .join("\n"),
  );
}

function isSame(one: Hashes, other: Hashes): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function hashOfFile(file: string): string {
  try {
    return hashOf(fs.readFileSync(file));
  } catch {
    return "";
  }
}

/** Say, now and then, that this process may still import from `root`. */
function inUse(root: string): void {
  const touch = (): void => {
    fs.utimesSync(root, new Date(), new Date());
  };
  touch();
  setInterval(() => {
    if (fs.existsSync(root)) touch();
  }, TOUCH_MS).unref();
}

/** Remove what no process has used for a day. */
function sweep(kept: string): void {
  try {
    for (const place of namesIn(kept).filter((name) => name !== "compiled")) {
      const folder = path.join(kept, place);
      const roots = namesIn(folder).filter((name) => name !== "kept.json");
      for (const root of roots) {
        const age = Date.now() - fs.statSync(path.join(folder, root)).mtimeMs;
        if (age > UNUSED_MS) fs.rmSync(path.join(folder, root), { recursive: true, force: true });
      }
      if (namesIn(folder).every((name) => name === "kept.json")) fs.rmSync(folder, { recursive: true, force: true });
    }
    const compiled = path.join(kept, "compiled");
    const files = fs.existsSync(compiled) ? fs.readdirSync(compiled, { recursive: true }).length : 0;
    if (files > COMPILED_LIMIT) fs.rmSync(compiled, { recursive: true, force: true });
  } catch (error) {
    console.error(`old bundled code is not removed: ${messageOf(error)}`); // another process may be at it
  }
}
