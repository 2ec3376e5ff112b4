// Which names and paths files may have. tools/paths.py has the same rule for agents: what one side takes the other
// can use. tests/contracts/paths.json holds both to it.
import { refused } from "./errors.ts";

const MAX_NAME_BYTES = 255; // what file systems take
const MAX_PATH_CHARS = 1024; // code points
const MAX_DEPTH = 100; // names of a path

// Control, invisible format (zero width, changes of direction) and line characters, and halves of characters. As
// ranges, because the tables of Unicode differ from one version of a runtime to the next.
const FORBIDDEN =
  // oxlint-disable-next-line no-control-regex -- they are what it forbids
  /[\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\u{110bd}\u{110cd}\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** Git's own folder and ours; the second is how files that are being written are called. */
const RESERVED = new Set([".git", ".polaris"]);
const TEMPORARY_PREFIX = ".polaris-tmp-";
const SHORT_GIT = /^git~[0-9]+$/i; // what NTFS also calls `.git`

/** The one spelling of a path or name: composed (NFC). macOS decomposes what is typed there. */
export function composed(path: string): string {
  return path.normalize("NFC");
}

/** The spellings under which a path may stand in a project of before this rule: as given, composed, decomposed. */
export function spellings(path: string): string[] {
  return [...new Set([path, path.normalize("NFC"), path.normalize("NFD")])];
}

/** The composed name; throws unless it can stand for one file or folder, in every place and for agents too. */
export function checkedName(given: string): string {
  const name = composed(given);
  const problem = problemOf(name);
  if (problem !== null) throw refused("bad_path", problem);
  return name;
}

/** The composed path; throws where it cannot name a file inside the project. */
export function checkedPath(given: string): string {
  const path = composed(given);
  checkLimits(path);
  for (const name of path.split("/")) checkedName(name);
  return path;
}

/** Throws when a path, of whatever names, is too long or too deep. */
export function checkLimits(path: string): void {
  if (path.length > 2 * MAX_PATH_CHARS || [...path].length > MAX_PATH_CHARS) {
    throw refused("bad_path", `A path must not be longer than ${MAX_PATH_CHARS} characters: "${path.slice(0, 60)}…"`);
  }
  if (path.split("/").length > MAX_DEPTH) {
    throw refused("bad_path", `A path must not be deeper than ${MAX_DEPTH} names: "${path.slice(0, 60)}…"`);
  }
}

/** The target of a symbolic link at `path`; throws unless it stays in the project. tools/workspace/links.py has the rule. */
export function checkedTarget(path: string, target: string): string {
  const names = target.split("/").filter((name) => name !== "" && name !== ".");
  const up = names.findIndex((name) => name !== "..");
  const [ups, rest] = up === -1 ? [names.length, []] : [up, names.slice(up)];
  const folders = path.split("/").slice(0, -1);
  if (target === "" || target.startsWith("/") || ups > folders.length || rest.includes("..")) {
    throw refused("bad_link", `A symbolic link must lead to a place inside the project, by a relative path: "${target.slice(0, 200)}"`);
  }
  const there = [...folders.slice(0, folders.length - ups), ...rest].join("/");
  if (there !== "") checkedPath(there);
  if ([...target].length > MAX_PATH_CHARS) throw refused("bad_link", "The target of a symbolic link is too long");
  return target;
}

/** The path of the folder around `path`; "" for the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function problemOf(name: string): string | null {
  if (name === "") return "A name must not be empty";
  if (name === "." || name === ".." || name === "~") return `"${name}" is no name for a file`;
  if (/[/\\]/.test(name)) return "A name must not contain slashes or backslashes";
  if (FORBIDDEN.test(name)) return "A name must not contain control or invisible characters";
  if (name.includes(":")) return `A name must not contain a colon: "${name}"`;
  if (name !== name.trim() || name.endsWith(".")) {
    return `A name must not begin or end with a space, nor end with a dot: "${name}"`;
  }
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    return `A name must not be longer than ${MAX_NAME_BYTES} bytes`;
  }
  const plain = name.normalize("NFKC").toLowerCase(); // full-width letters have passed for `.git`
  if (RESERVED.has(plain) || plain.startsWith(TEMPORARY_PREFIX) || SHORT_GIT.test(name)) {
    return `"${name}" is reserved: it belongs to Git or to Polaris`;
  }
  return null;
}
