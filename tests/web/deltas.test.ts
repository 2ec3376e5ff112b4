// The segments of an answer, streamed and stored.
import { expect, test } from "vitest";
import { applied, settled, withRest } from "../../web/src/data/deltas.ts";

const RUNS = [
  { part: 0, kind: "thinking", text: "hm" },
  { part: 0, kind: "text", text: "I " },
  { part: 0, kind: "text", text: "write." },
  { part: 0, kind: "toolCall", text: "writeFile", toolCallId: "c" },
  { part: 0, kind: "toolInput", text: '{"path"', toolCallId: "c" },
  { part: 0, kind: "output", text: "half", toolCallId: "c" },
  { part: 0, kind: "outputReset", text: "", toolCallId: "c" },
  { part: 0, kind: "output", text: "all", toolCallId: "c" },
  { part: 1, kind: "text", text: "Done." },
] as const;
const PARTS = [
  { turn: 0, type: "thinking", text: "hm" },
  { turn: 0, type: "text", text: "I write." },
  { turn: 0, type: "toolCall", toolCallId: "c" },
  { turn: 1, type: "text", text: "Done." },
] as const;

test("a cursor anywhere gives the same segments", () => {
  const whole = applied([], RUNS);
  for (let at = 0; at <= RUNS.length; at += 1) expect(applied(applied([], RUNS.slice(0, at)), RUNS.slice(at))).toEqual(whole);
  expect(whole.map(({ key }) => key)).toEqual(["0.thinking.0", "0.text.0", "0.call.c", "1.text.0"]);
  expect(whole[2]).toMatchObject({ name: "writeFile", input: '{"path"', output: "all" });
});

test("a reset forgets its part and the later ones", () => {
  expect(applied([], [...RUNS, { part: 1, kind: "reset", text: "" }]).map(({ turn }) => turn)).toEqual([0, 0, 0]);
});

test("what is stored has the keys, and where it says the same the objects, of what was streamed", () => {
  const streamed = applied([], RUNS);
  const stored = settled(PARTS, streamed);
  expect(stored.every((segment, at) => segment === streamed[at])).toBe(true);
  expect(settled(PARTS, []).map(({ key }) => key)).toEqual(streamed.map(({ key }) => key));
});

test("the text of a turn that was stopped stays, streamed or from the whole text", () => {
  const streamed = applied([], RUNS);
  expect(settled(PARTS.slice(0, 3), streamed).at(-1)).toBe(streamed.at(-1));
  expect(withRest(settled(PARTS.slice(0, 3), []), "I write.\n\nDone.").at(-1)).toMatchObject({ kind: "text", text: "Done." });
  expect(withRest(streamed, "I write.Done.")).toBe(streamed);
});
