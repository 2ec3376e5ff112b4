// Markdown that comes in pieces has the same blocks as the whole.
import { expect, test } from "vitest";
import { NOTHING_READ, read } from "../../web/src/prose/blocks.ts";

const TEXT = [
  "# Title",
  "",
  "A paragraph\nof two lines with `code`.",
  "",
  "- one\n- two\n\n  still two\n- three",
  "",
  "```ts\nconst a = 1;\n\n# no heading\n```",
  "",
  "| a | b |\n|---|---|\n| 1 | 2 |",
  "",
  "> quoted\n> more",
  "",
  "Heading below\n---",
  "",
  "1. x\n2. y",
  "",
  "The end.",
].join("\n");

function raws(pieces: readonly string[]): string[] {
  let reading = NOTHING_READ;
  let text = "";
  for (const piece of pieces) {
    text += piece;
    reading = read(reading, text);
    expect(reading.done.map(({ raw }) => raw).join("")).toBe(text.slice(0, reading.doneChars));
  }
  return [...reading.done, ...reading.open].filter(({ token }) => token.type !== "space").map(({ raw }) => raw.trim());
}

test.each([1, 2, 3, 5, 7, 11, 24, 100])("in pieces of %i characters", (size) => {
  const pieces = TEXT.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
  expect(raws(pieces)).toEqual(raws([TEXT]));
});

test("cut once, anywhere", () => {
  for (let at = 0; at <= TEXT.length; at += 1) expect(raws([TEXT.slice(0, at), TEXT.slice(at)])).toEqual(raws([TEXT]));
});

test("done blocks stay the same objects, and another text begins anew", () => {
  const before = read(NOTHING_READ, "one\n\ntwo\n\nthree");
  const after = read(before, "one\n\ntwo\n\nthree and more\n\nfour");
  expect(before.done.length).toBeGreaterThan(0);
  expect(after.done.slice(0, before.done.length)).toEqual(before.done);
  expect(after.done[0]).toBe(before.done[0]);
  expect(read(after, "else").open.map(({ raw }) => raw)).toEqual(["else"]);
});
