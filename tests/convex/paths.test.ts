// The rule for names and paths, by the table that tools/paths.py is held to as well.
import { readFileSync } from "node:fs";
import { ConvexError } from "convex/values";
import { describe, expect, test } from "vitest";
import { checkedPath } from "../../convex/model/paths.ts";

type Written = string | [string, number][];
type Pair = [given: string, path: string];

// Not imported: bundlers read JSON by a grammar of their own, which knows no halves of characters.
const table = readFileSync(new URL("../contracts/paths.json", import.meta.url), "utf8");
const cases = JSON.parse(table) as { taken: Written[]; refused: Written[]; composed: Pair[]; tidied: Pair[] };

function textOf(written: Written): string {
  if (typeof written === "string") return written;
  return written.map(([text, times]) => text.repeat(times)).join("");
}

function shown(path: string): string {
  return JSON.stringify(path.length > 30 ? `${path.slice(0, 30)}…${path.length}` : path);
}

function isRefused(path: string): boolean {
  try {
    checkedPath(path);
    return false;
  } catch (error) {
    if (error instanceof ConvexError && error.data.code === "bad_path") return true;
    throw error;
  }
}

describe("a path", () => {
  for (const path of cases.taken.map(textOf)) {
    test(`${shown(path)} is taken as it is`, () => {
      expect(checkedPath(path)).toBe(path);
    });
  }

  for (const [given, path] of cases.composed) {
    test(`${shown(given)} is composed`, () => {
      expect(checkedPath(given)).toBe(path);
      expect(checkedPath(path)).toBe(path);
    });
  }

  for (const path of [...cases.refused.map(textOf), ...cases.tidied.map(([given]) => given)]) {
    test(`${shown(path)} is refused`, () => {
      expect(isRefused(path)).toBe(true);
    });
  }
});
