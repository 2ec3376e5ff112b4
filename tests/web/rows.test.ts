// Rows of long lists: where they stand, and which are seen.
import { expect, test } from "vitest";
import { drawnOf, rowAt, seenRows, startsOf } from "../../web/src/ui/rows.ts";

test("rows stand below one another, with space between and around", () => {
  expect(startsOf(3, (at) => 10 * (at + 1), { gap: 2, padding: 5 })).toEqual([5, 17, 39, 74]);
  expect(startsOf(0, () => 1, { padding: 5 })).toEqual([5]);
});

test("a height is within one row, what is before the first and behind the last counts to those", () => {
  const starts = startsOf(3, () => 10, { gap: 2, padding: 5 });
  expect([-9, 5, 14.9, 16.9, 17, 40, 900].map((height) => rowAt(starts, height))).toEqual([0, 0, 0, 0, 1, 2, 2]);
});

test("of ten thousand rows few are seen, wherever one looks", () => {
  const starts = startsOf(10_000, (at) => 40 + (at % 7) * 30, { gap: 16, padding: 16 });
  for (let top = 0; top < (starts.at(-1) ?? 0); top += 9_973) {
    const [first, last] = seenRows(starts, top, top + 900) ?? [0, -1];
    expect(last - first).toBeLessThan(20);
    expect(starts[first]).toBeLessThanOrEqual(Math.max(16, top));
    expect(starts[last + 1]).toBeGreaterThanOrEqual(Math.min(top + 900, starts.at(-1) ?? 0) - 16);
  }
  expect(
    seenRows(
      startsOf(0, () => 1),
      0,
      900,
    ),
  ).toBe(null);
});

test("of rows of one height those in sight are drawn, with six on either side where there are so many", () => {
  const rows = Array.from({ length: 100 }, (_, at) => at);
  const drawn = (top: number, height: number) => {
    const { first, drawn } = drawnOf(rows, 20, { top, height });
    return [first, drawn.at(0), drawn.at(-1)];
  };
  expect(drawn(0, 100)).toEqual([0, 0, 10]);
  expect(drawn(410, 100)).toEqual([14, 14, 31]);
  expect(drawn(1_900, 100)).toEqual([89, 89, 99]);
  expect(drawnOf([], 20, { top: 0, height: 100 })).toEqual({ first: 0, drawn: [] });
});
