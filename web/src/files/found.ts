// What a search has found, as the page shows it. Pure.
export interface FoundLine {
  readonly path: string;
  readonly line: number; // from 1
  readonly column: number; // from 1, in characters
  readonly text: string;
  readonly textColumn: number; // at which `text` begins
}

export interface Found {
  readonly matches: readonly FoundLine[];
  readonly total: number;
  readonly isComplete: boolean;
}

export interface Asked {
  readonly q: string;
  readonly glob: string;
  readonly regex: boolean;
  readonly caseSensitive: boolean;
}

export const SHOWN = 200;

/** The part of an address that asks for it. */
export function queryOf({ q, glob, regex, caseSensitive }: Asked): string {
  const query = new URLSearchParams({ q, limit: String(SHOWN) });
  if (glob.trim() !== "") query.set("glob", glob.trim());
  if (regex) query.set("regex", "true");
  if (caseSensitive) query.set("caseSensitive", "true");
  return String(query);
}

/** The lines of each file, in their order. */
export function byFile(matches: readonly FoundLine[]): readonly [path: string, lines: readonly FoundLine[]][] {
  const files = new Map<string, FoundLine[]>();
  for (const match of matches) files.set(match.path, [...(files.get(match.path) ?? []), match]);
  return [...files];
}

export function foundWords({ matches, total, isComplete }: Found): string {
  const files = new Set(matches.map(({ path }) => path)).size;
  const late = isComplete ? "" : " There was no time for all files: name fewer of them.";
  if (total === 0) return `Nothing found.${late}`;
  if (matches.length < total) return `The first ${matches.length} of ${total.toLocaleString("en")} lines are shown.${late}`;
  return `${total} ${total === 1 ? "line" : "lines"} in ${files} ${files === 1 ? "file" : "files"}.${late}`;
}

/** A line in three: before what was found, that, after it; without the room at its beginning. */
export function partsOf(found: FoundLine, length: number): readonly [string, string, string] {
  const letters = [...found.text];
  const at = Math.max(0, found.column - found.textColumn);
  const rest = letters.slice(at).join("");
  const before = letters.slice(0, at).join("");
  return [found.textColumn > 1 ? `…${before}` : before.trimStart(), rest.slice(0, length), rest.slice(length)];
}

/** How long the match of a line is, as far as the browser's regular expressions can tell. */
export function matchLength(found: FoundLine, { q, regex, caseSensitive }: Asked): number {
  const rest = [...found.text].slice(Math.max(0, found.column - found.textColumn)).join("");
  try {
    const pattern = regex ? q : q.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
    return new RegExp(pattern, caseSensitive ? "uy" : "iuy").exec(rest)?.[0].length ?? 0;
  } catch {
    return 0;
  }
}
