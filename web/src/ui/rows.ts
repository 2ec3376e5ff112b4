// Where rows of a long list stand, and which of them are seen. Pure: a library for this weighs as much as all our rows.

/** Where each row begins; the last entry is where the list ends. */
export function startsOf(count: number, heightOf: (at: number) => number, { gap = 0, padding = 0 } = {}): readonly number[] {
  const starts = [padding];
  for (let at = 0; at < count; at += 1) starts.push((starts[at] ?? 0) + heightOf(at) + (at === count - 1 ? padding : gap));
  return starts;
}

/** The rows that begin before `bottom` and end after `top`: `[first, last]`, both included; an empty list has none. */
export function seenRows(starts: readonly number[], top: number, bottom: number): readonly [first: number, last: number] | null {
  const count = starts.length - 1;
  if (count <= 0) return null;
  return [rowAt(starts, top), rowAt(starts, bottom)];
}

/** The row at this height, of which there is at least one. */
export function rowAt(starts: readonly number[], height: number): number {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

const AROUND = 6; // rows above and below what is seen that are drawn as well

/** The rows of one height that are to be drawn, and the place of the first of them in the list. */
export function drawnOf<Row>(
  rows: readonly Row[],
  rowHeight: number,
  { top, height }: { top: number; height: number },
): { first: number; drawn: readonly Row[] } {
  const first = Math.max(0, Math.floor(top / rowHeight) - AROUND);
  return { first, drawn: rows.slice(first, Math.ceil((top + height) / rowHeight) + AROUND) };
}
