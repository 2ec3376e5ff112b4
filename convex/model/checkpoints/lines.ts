// Differences between texts, by line. Lines keep their ends, so that texts come back byte for byte.
import { diff3Merge, diffIndices } from "node-diff3";

const MOST_STEPS = 40_000_000; // lines times lines that one comparison may look at: a fifth of a second
const MOST_LINES = 100_000; // of a text, all in all

/** Lines of `old` that stand as other lines in `fresh`; positions count from 0. */
export interface Block {
  oldStart: number;
  oldLines: string[];
  newStart: number;
  newLines: string[];
}

export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Where two texts differ, in order. Texts that differ in too much of them are told as one block. */
export function blocksOf(old: string[], fresh: string[]): Block[] {
  const [start, end] = equalEnds(old, [fresh]);
  const [gone, come] = [old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)];
  if (gone.length === 0 && come.length === 0) return [];
  if (gone.length * come.length > MOST_STEPS) {
    return [{ oldStart: start, oldLines: gone, newStart: start, newLines: come }];
  }
  return diffIndices(gone, come).map(({ buffer1, buffer1Content, buffer2, buffer2Content }) => ({
    oldStart: start + buffer1[0],
    oldLines: buffer1Content,
    newStart: start + buffer2[0],
    newLines: buffer2Content,
  }));
}

/** How many lines came and went. */
export function countedLines(before: string, after: string): { added: number; removed: number } {
  const counts = { added: 0, removed: 0 };
  for (const block of blocksOf(linesOf(before), linesOf(after))) {
    counts.added += block.newLines.length;
    counts.removed += block.oldLines.length;
  }
  return counts;
}

/** `ours` with what changed from `base` to `theirs`; null where both changed the same lines, or there are too many. */
export function merged(base: string, ours: string, theirs: string): string | null {
  if (base === ours) return theirs;
  if (base === theirs || ours === theirs) return ours;
  const [a, o, b] = [linesOf(ours), linesOf(base), linesOf(theirs)];
  if (Math.max(a.length, o.length, b.length) > MOST_LINES) return null;
  const [start, end] = equalEnds(o, [a, b]);
  const inner = (lines: string[]) => lines.slice(start, lines.length - end);
  const [ours_, base_, theirs_] = [inner(a), inner(o), inner(b)];
  if (base_.length * Math.max(ours_.length, theirs_.length) > MOST_STEPS) return null;
  const result: string[] = [];
  for (const region of diff3Merge(ours_, base_, theirs_)) {
    if (region.ok === undefined) return null;
    result.push(region.ok.join(""));
  }
  return o.slice(0, start).join("") + result.join("") + o.slice(o.length - end).join("");
}

/** How many lines all texts begin and end with alike. */
function equalEnds(one: string[], others: string[][]): [start: number, end: number] {
  const shortest = Math.min(one.length, ...others.map((lines) => lines.length));
  let start = 0;
  while (start < shortest && others.every((lines) => lines[start] === one[start])) start += 1;
  let end = 0;
  while (end < shortest - start && others.every((lines) => lines[lines.length - 1 - end] === one[one.length - 1 - end])) end += 1;
  return [start, end];
}
