// How a language server names the files of a project. Pure.
export const ROOT = "file:///workspace";

export function uriOf(path: string): string {
  return `${ROOT}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** The file of the project that an address names, however it is written; null: it is none of the project's. */
export function pathOf(uri: string): string | null {
  if (!uri.startsWith(`${ROOT}/`)) return null;
  try {
    return decodeURIComponent(uri.slice(ROOT.length + 1));
  } catch {
    return null;
  }
}
