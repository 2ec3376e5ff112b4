// Differences of two texts. Pure.

/** What makes the one text of the other: one replacement between what both begin and end with; null: they are the same. */
export function smallestChange(before: string, after: string): { from: number; to: number; insert: string } | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from += 1;
  let end = 0;
  while (end < most - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}

/** The text with another one in the place of what was selected, which others may have moved; null: it is not there any more. */
export function replaced(text: string, selected: { from: number; text: string }, by: string): string | null {
  const stays = text.startsWith(selected.text, selected.from);
  const from = stays ? selected.from : text.indexOf(selected.text);
  if (from < 0 || (!stays && text.includes(selected.text, from + 1))) return null;
  return text.slice(0, from) + by + text.slice(from + selected.text.length);
}

export interface Position {
  readonly line: number; // from 0, as the characters of UTF-16
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** As language servers tell it. */
export interface TextEdit {
  readonly range: Range;
  readonly newText: string;
}

/** The edits of a text as changes by offset, in their order. */
export function changesOf(text: string, edits: readonly TextEdit[]): { from: number; to: number; insert: string }[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const offset = ({ line, character }: Position) => Math.min((starts[line] ?? text.length) + character, text.length);
  return edits
    .map(({ range, newText }) => ({ from: offset(range.start), to: offset(range.end), insert: newText }))
    .toSorted((a, b) => a.from - b.from);
}

/** A text in which a name is another one; null: the name does not stand where it is to be changed. */
export function renamed(text: string, name: string, edits: readonly TextEdit[]): string | null {
  let [done, rest] = ["", 0];
  for (const { from, to, insert } of changesOf(text, edits)) {
    if (from < rest || text.slice(from, to) !== name) return null;
    done += text.slice(rest, from) + insert;
    rest = to;
  }
  return done + text.slice(rest);
}
