// The tree of files and the buffer of an edited one.
import { expect, test } from "vitest";
import { smallestChange } from "../../web/src/editor/changes.ts";
import { afterEvent, type BufferEvent, bufferOf, isDirty } from "../../web/src/files/buffer.ts";
import { afterKey, childrenOf, type Entry, revealed, type TreeState, visibleRows } from "../../web/src/files/tree.ts";

const entries: Entry[] = ["b.ts", "a", "a/10.ts", "a/9.ts", "a/deep", "a/deep/x.ts"].map((path) => ({
  _id: path,
  path,
  type: path.endsWith(".ts") ? "file" : "folder",
}));
const children = childrenOf(entries);
const closed: TreeState = { focused: "", open: new Set() };
const paths = (state: TreeState) => visibleRows(children, state.open).map(({ path }) => path);

test("folders stand first, numbers in their order, and a shown file opens its folders", () => {
  expect(paths(closed)).toEqual(["a", "b.ts"]);
  expect(paths(revealed(closed, "a/deep/x.ts"))).toEqual(["a", "a/deep", "a/deep/x.ts", "a/9.ts", "a/10.ts", "b.ts"]);
});

test("arrows open, enter, leave and close folders, and stay within the rows", () => {
  let state = closed;
  const press = (key: string) => {
    state = afterKey(state, visibleRows(children, state.open), key) ?? state;
    return state.focused;
  };
  expect(["ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp", "End", "ArrowDown", "Home"].map(press)).toEqual([
    "a",
    "a/deep",
    "a/9.ts",
    "a",
    "a",
    "a",
    "b.ts",
    "b.ts",
    "a",
  ]);
  expect(state.open.size).toBe(0);
  expect(afterKey(state, visibleRows(children, state.open), "x")).toBe(null);
});

const old = { text: "old", sha256: "1" };
const theirs = { text: "theirs", sha256: "2" };
const after = (...events: BufferEvent[]) => events.reduce(afterEvent, bufferOf(old));

test("a clean file follows what is stored, an edited one asks", () => {
  expect(after({ type: "stored", stored: theirs })).toEqual(bufferOf(theirs));
  const asked = after({ type: "typed", text: "mine" }, { type: "stored", stored: theirs });
  expect(asked).toMatchObject({ base: old, draft: "mine", theirs });
  expect(afterEvent(asked, { type: "tookTheirs" })).toEqual(bufferOf(theirs));
  expect(afterEvent(asked, { type: "decided", text: "both" })).toMatchObject({ base: theirs, draft: "both", theirs: null });
});

test("what is typed while it is saved is kept, whichever answer comes first", () => {
  const typed = [{ type: "typed", text: "mine" }, { type: "saving" }, { type: "typed", text: "mine!" }] as const;
  const stored = { text: "mine", sha256: "3" };
  for (const end of [
    [
      { type: "stored", stored },
      { type: "saved", stored },
    ] as const,
    [
      { type: "saved", stored },
      { type: "stored", stored },
    ] as const,
  ]) {
    const buffer = after(...typed, ...end);
    expect(buffer).toEqual({ base: stored, draft: "mine!", theirs: null, saving: null });
    expect(isDirty(buffer)).toBe(true);
  }
});

test("the smallest change makes the one text of the other", () => {
  const texts = ["", "a", "aa", "ab", "aba", "abca", "xabcay"];
  for (const one of texts)
    for (const other of texts) {
      const change = smallestChange(one, other);
      expect(change === null ? one : one.slice(0, change.from) + change.insert + one.slice(change.to)).toBe(other);
    }
});
