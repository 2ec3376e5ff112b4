// Imports of the page go one way: ui, prose, editor ← data ← nouns ← routes; no noun imports another.
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "../../web/src");
const PARTS = ["ui", "prose", "editor"];
const MAY: Record<string, readonly string[]> = {
  ui: ["ui"],
  prose: ["prose", "editor", "ui"],
  editor: ["editor", "ui"],
  data: ["data"],
  projects: ["projects", "data", ...PARTS],
  files: ["files", "data", ...PARTS],
  chat: ["chat", "data", ...PARTS],
  transfers: ["transfers", "data", ...PARTS],
  runs: ["runs", "data", ...PARTS],
  xterm: ["xterm", "ui"],
  terminal: ["terminal", "xterm", "data", ...PARTS],
  preview: ["preview", "data", ...PARTS],
  settings: ["settings", "data", ...PARTS],
  generation: ["generation", "data", ...PARTS],
};
const files = globSync("**/*.{ts,tsx}", { cwd: SOURCE }).filter((name) => name.includes("/"));

test("the sources are found", () => expect(files.length).toBeGreaterThan(20));

test.each(files)("%s", (name) => {
  const text = readFileSync(join(SOURCE, name), "utf8");
  expect(text.split("\n").length).toBeLessThanOrEqual(251);
  const imported = [...text.matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g)].map(([, path = ""]) =>
    relative(SOURCE, join(SOURCE, dirname(name), path)),
  );
  const folders = imported.filter((path) => !path.startsWith("..")).map((path) => path.split("/")[0] ?? "");
  const folder = name.split("/")[0] ?? "";
  expect(folders.filter((each) => !MAY[folder]?.includes(each))).toEqual([]);
});
