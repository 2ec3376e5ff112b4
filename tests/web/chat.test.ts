// The pure parts of chat, transfers and generation.
import { expect, test } from "vitest";
import { outcomeWords } from "../../web/src/chat/checkpoints.ts";
import { mentionAt, withoutMention } from "../../web/src/chat/mention.ts";
import { tookWords } from "../../web/src/chat/words.ts";
import { Kept } from "../../web/src/data/kept.ts";
import { targetOf } from "../../web/src/files/tree.ts";
import { doneOf, headline, STEPS } from "../../web/src/generation/steps.ts";
import { coloured } from "../../web/src/prose/colours.ts";
import { partOf, phaseWords, type Transfer } from "../../web/src/transfers/words.ts";

test("a mention is what stands behind an @ at the beginning of a word, up to the cursor", () => {
  expect(mentionAt("look at @src/gr", 15)).toEqual({ from: 8, typed: "src/gr" });
  expect(mentionAt("@", 1)).toEqual({ from: 0, typed: "" });
  for (const text of ["me@example", "@a b", "no"]) expect(mentionAt(text, text.length)).toBe(null);
  expect(withoutMention("look at @src/gr now", { from: 8, typed: "src/gr" })).toBe("look at  now");
});

test("what is kept is bounded, and the oldest makes way", () => {
  const kept = new Kept<number>(2);
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["a", 3],
    ["c", 4],
  ] as const)
    kept.put(key, value);
  expect([kept.get("a"), kept.get("b"), kept.get("c")]).toEqual([3, undefined, 4]);
});

test("a link leads from its own folder on, and not out of the project", () => {
  expect(targetOf("a/b/link", "../c.ts")).toBe("a/c.ts");
  expect(targetOf("link", "./d/e")).toBe("d/e");
  expect(targetOf("link", "../../x")).toBe("x");
});

const transfer = { kind: "import", status: "running", done: 0, total: 0 } as Transfer;

test("a transfer says what it does and how much of it is done", () => {
  expect(phaseWords(transfer)).toBe("Waiting for its turn");
  expect(phaseWords({ ...transfer, phase: "fetching", bytes: 2048 })).toBe("Fetching from GitHub: 2 KiB");
  expect(phaseWords({ ...transfer, phase: "writing", done: 3, total: 4 })).toBe("Writing files: 3 of 4");
  expect(partOf(transfer)).toBe(undefined);
  expect(partOf({ ...transfer, done: 3, total: 4 })).toBe(0.75);
});

test("a generation counts its steps, and says how its checks ended", () => {
  const going = { status: "processing", steps: STEPS.slice(0, 3), currentStep: "generate-pages" } as const;
  expect(headline(going)).toBe("Generating: Pages, 3 of 9 done");
  expect(doneOf(going)).toBeCloseTo(1 / 3);
  expect(headline({ status: "completed", steps: STEPS, verification: { state: "failed" } })).toBe("Generated, a check fails");
});

test("a restore says what became of the files", () => {
  const outcome = { checkpointId: "c", restored: ["a"], merged: ["b"], conflicts: [{ path: "d", reason: "edited" }], unchanged: [] };
  expect(outcomeWords(outcome)).toBe("2 files are as before; of which 1 keep what others changed since; left alone: d (edited).");
});

test("code in pieces is the code, coloured where its language is known", async () => {
  const text = 'const a: string = "b"; // c\nreturn 1;\n';
  const pieces = await coloured(text, "typescript");
  expect(pieces?.map((piece) => piece.text).join("")).toBe(text);
  expect(pieces?.find((piece) => piece.text === "const")?.kind).toBe("keyword");
  expect(await coloured(text, "klingon")).toBe(null);
});

test("what an answer took is said in whole seconds from ten on, and no minute has sixty", () => {
  const words = [230, 9_949, 12_400, 59_400, 59_600, 119_600, 125_000].map((ms) => tookWords(1_000, 1_000 + ms));
  expect(words).toEqual(["0.2 s", "9.9 s", "12 s", "59 s", "1 min 0 s", "2 min 0 s", "2 min 5 s"]);
  expect([tookWords(undefined, 5), tookWords(5, undefined)]).toEqual(["", ""]);
});
