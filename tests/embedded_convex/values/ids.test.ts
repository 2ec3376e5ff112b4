import { expect, test } from "vitest";
import { newId, tableNumberOf } from "../../../embedded_convex/values/ids.ts";

test("an id says its table and looks like one of Convex's", () => {
  for (const table of [1, 127, 128, 10_001, 16_384, 70_000]) {
    const id = newId(table, 1_700_000_000_000);
    expect(id).toMatch(/^[0-9a-z]{31,34}$/);
    expect(tableNumberOf(id)).toBe(table);
  }
});

test("ids of one millisecond differ", () => {
  const ids = new Set(Array.from({ length: 1000 }, () => newId(10_001, 5)));
  expect(ids.size).toBe(1000);
});

test("a changed, cut or invented id belongs to no table", () => {
  const id = newId(10_001, 1_700_000_000_000);
  for (let at = 0; at < id.length; at++) {
    const other = id[at] === "0" ? "1" : "0";
    expect(tableNumberOf(id.slice(0, at) + other + id.slice(at + 1))).toBeNull();
  }
  expect(tableNumberOf(id.slice(1))).toBeNull();
  expect(tableNumberOf(id.toUpperCase())).toBeNull();
  expect(tableNumberOf("")).toBeNull();
  expect(tableNumberOf("user_2abcdefghijklmnopqrstuvwxyz")).toBeNull();
});
