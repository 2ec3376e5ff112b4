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
