// @vitest-environment edge-runtime
// The diff of a checkpoint in hunks, and what becomes of those that a person takes or leaves.
import { describe, expect, test } from "vitest";
import { blocksOf, linesOf, merged } from "../../convex/model/checkpoints/lines.ts";
import { refusal } from "./backend.ts";
import { desk, folder, remove, rename, write } from "./undoing.ts";

/** The same numbers each time. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

function someText(next: (below: number) => number): string {
  const lines = Array.from({ length: next(12) }, () => ["a\n", "b\n", "c\r\n", "\n"][next(4)] ?? "");
  return lines.join("") + (next(3) === 0 ? "no end" : "");
}

describe("lines", () => {
  test("are a text in pieces, whatever their ends", () => {
    for (const text of ["", "a", "a\n", "a\r\n\n\nb", "\n", "\ufeffa\r"]) expect(linesOf(text).join("")).toBe(text);
  });

  test("what differs, put into the old text, gives the new one", () => {
    const next = numbers(7);
    for (let round = 0; round < 500; round += 1) {
      const [old, fresh] = [linesOf(someText(next)), linesOf(someText(next))];
      const made = [...old];
      for (const block of blocksOf(old, fresh).toReversed()) made.splice(block.oldStart, block.oldLines.length, ...block.newLines);
      expect(made).toEqual(fresh);
    }
  });

  test("a merge has what one side changed, and is the same from both sides", () => {
    const next = numbers(11);
    for (let round = 0; round < 500; round += 1) {
      const [base, ours, theirs] = [someText(next), someText(next), someText(next)];
      expect(merged(base, base, theirs)).toBe(theirs);
      expect(merged(base, ours, base)).toBe(ours);
      expect(merged(base, ours, ours)).toBe(ours);
      expect(merged(base, ours, theirs)).toBe(merged(base, theirs, ours));
    }
  });

  test("texts that differ in everything are one block, and cannot be merged, however long they are", () => {
    const many = (text: string) => Array.from({ length: 20_000 }, () => `${text}\n`);
    expect(blocksOf(many("a"), many("b")).length).toBe(1);
    expect(merged(many("a").join(""), many("b").join(""), many("c").join(""))).toBeNull();
  });
});

describe("hunks", () => {
  test("of what was made, deleted, moved or is a folder stand for all of it", async () => {
    const d = await desk();
    await d.person("old.txt", "old\n");
    await d.person("moved.txt", "moved\n");
    await d.turn([write("new.txt", "one\ntwo"), remove("old.txt"), folder("empty"), rename("moved.txt", "there.txt")]);
    await d.end();
    const [turn] = await d.checkpoints();
    const checkpointId = turn?.checkpointId ?? "";
    const files = Object.fromEntries((await d.files(checkpointId)).map((file) => [file.path, file]));
    expect(Object.values(files).map((file) => file.hunks.length)).toEqual([1, 1, 1, 1, 1]);
    expect(files["new.txt"]?.hunks[0]?.lines).toEqual(["+one", "+two\n\\ No newline at end of file"]);
    expect(files["old.txt"]?.hunks[0]?.lines).toEqual(["-old"]);
    expect(files["empty"]).toMatchObject({ kind: "folder", isText: false, status: "created" });
    for (const path of ["new.txt", "old.txt", "empty"]) {
      await d.review(checkpointId, path, { reject: [files[path]?.hunks[0]?.hunkId ?? ""] });
    }
    expect(await d.tree()).toEqual({ "old.txt": "old\n", "there.txt": "moved\n" });
  });

  test("that were rejected cannot be accepted, nor both at once, and accepted ones can be rejected", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.turn([write("a.txt", "two\n")]);
    await d.end();
    const [turn] = await d.checkpoints();
    const checkpointId = turn?.checkpointId ?? "";
    const [file] = await d.files(checkpointId);
    const ids = [file?.hunks[0]?.hunkId ?? ""];
    expect((await refusal(d.review(checkpointId, "a.txt", { accept: ids, reject: ids }))).code).toBe("hunk_rejected");
    await d.review(checkpointId, "a.txt", { accept: ids });
    expect((await d.files(checkpointId))[0]?.hunks[0]?.state).toBe("accepted");
    await d.review(checkpointId, "a.txt", { reject: ids });
    expect(await d.tree()).toEqual({ "a.txt": "one\n" });
    expect((await refusal(d.review(checkpointId, "a.txt", { accept: ids }))).code).toBe("hunk_rejected");
  });

  test("of a file that was deleted since stay, and say so", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.turn([write("a.txt", "two\n"), write("b.txt", "agent\n")]);
    await d.end();
    const [turn] = await d.checkpoints();
    const checkpointId = turn?.checkpointId ?? "";
    const ids = Object.fromEntries((await d.files(checkpointId)).map((file) => [file.path, file.hunks.map((hunk) => hunk.hunkId)]));
    await d.personRemoves("a.txt");
    await d.person("b.txt", "mine\n");
    expect((await refusal(d.review(checkpointId, "a.txt", { reject: ids["a.txt"] }))).message).toContain("it was deleted or moved since");
    expect((await refusal(d.review(checkpointId, "b.txt", { reject: ids["b.txt"] }))).message).toContain("edited since the agent made it");
    expect(await d.tree()).toEqual({ "b.txt": "mine\n" });
  });

  test("are joined where their lines of context meet, and beyond 100,000 characters not shown", async () => {
    const d = await desk();
    const lines = Array.from({ length: 60 }, (_, i) => `line ${i}\n`);
    const wide = `${"x".repeat(60_000)}\n`;
    await d.person("a.txt", lines.join(""));
    const changed = lines.map((line, i) => (i === 5 || i === 12 ? "new\n" : i === 30 || i === 55 ? wide : line));
    await d.turn([write("a.txt", changed.join(""))]);
    await d.end();
    const [turn] = await d.checkpoints();
    const [file] = await d.files(turn?.checkpointId ?? "");
    expect(file?.hunks.map(({ oldStart, oldLines, newStart, newLines }) => [oldStart, oldLines, newStart, newLines])).toEqual([
      [3, 14, 3, 14],
      [28, 7, 28, 7],
      [53, 7, 53, 7],
    ]);
    expect(file?.isCut).toBe(true);
    expect(file?.hunks[2]?.lines).toEqual([]);
    await d.review(turn?.checkpointId ?? "", "a.txt", { reject: [file?.hunks[2]?.hunkId ?? ""] });
    expect((await d.tree())["a.txt"]).toBe(changed.map((line, i) => (i === 55 ? lines[55] : line)).join(""));
  });
});
