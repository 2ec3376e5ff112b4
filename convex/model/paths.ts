// Which names and paths files may have.
import { refused } from "./errors.ts";

const MAX_NAME_BYTES = 255; // what file systems take
const MAX_PATH_CHARS = 1024;

/** Throws unless `name` can stand for one file or folder. */
export function checkName(name: string): void {
  if (name === "") throw refused("bad_path", "A name must not be empty");
  if (name === "." || name === "..") throw refused("bad_path", `"${name}" is no name for a file`);
  if (name.includes("/") || name.includes("\\")) {
    throw refused("bad_path", "A name must not contain slashes or backslashes");
  }
  if (hasControlCharacter(name)) {
    throw refused("bad_path", "A name must not contain control characters");
  }
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw refused("bad_path", `A name must not be longer than ${MAX_NAME_BYTES} bytes`);
  }
}

/** The names along a relative path; throws where it cannot name a file inside the project. */
export function segmentsOf(path: string): string[] {
  if (path.length > MAX_PATH_CHARS) {
    throw refused("bad_path", `A path must not be longer than ${MAX_PATH_CHARS} characters`);
  }
  const segments = path.split("/");
  for (const segment of segments) checkName(segment);
  return segments;
}

/** The path of the folder around `path`; "" for the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function hasControlCharacter(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
