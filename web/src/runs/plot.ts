// Numbers over time as paths of an SVG. Pure; the drawing is 100 wide and 100 high, from the top left.

/** A bound for an axis that is easy to read: 1, 2 or 5 times a power of ten, or more than `most`. */
export function topOf(most: number): number {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= most) ?? most;
}

/** A line through the values; where one is missing it breaks, and a lone value is a short dash. */
export function lineOf(values: readonly (number | undefined)[], top: number): string {
  const step = 100 / values.length;
  let [path, isOn] = ["", false];
  for (const [at, value] of values.entries()) {
    if (value === undefined) {
      isOn = false;
      continue;
    }
    const y = round(100 - (Math.min(value, top) / top) * 100);
    path += `${isOn ? "L" : "M"}${round(at * step)} ${y}H${round((at + 1) * step)}`;
    isOn = true;
  }
  return path;
}

export interface Block {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Bars of one of several rows of numbers, each on top of those before it; those that are 0 are left out. */
export function blocksOf(rows: readonly (readonly number[])[], which: number, top: number): readonly Block[] {
  const own = rows[which] ?? [];
  const step = 100 / own.length;
  const blocks: Block[] = [];
  for (const [at, value] of own.entries()) {
    if (value <= 0) continue;
    const below = rows.slice(0, which).reduce((sum, row) => sum + (row[at] ?? 0), 0);
    const height = (value / top) * 100;
    blocks.push({ x: round(at * step), y: round(100 - (below / top) * 100 - height), width: round(step * 0.85), height: round(height) });
  }
  return blocks;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
