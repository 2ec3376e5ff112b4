// @vitest-environment happy-dom
// The parts of the editor, the search and the language servers that need no screen.
import { EditorState } from "@codemirror/state";
import { EditorView, runScopeHandlers } from "@codemirror/view";
import { expect, test, vi } from "vitest";
import { renamed, replaced } from "../../web/src/editor/changes.ts";
import { harmless } from "../../web/src/editor/harmless.ts";
import { suggestions } from "../../web/src/editor/suggestion.ts";
import { pathOf, uriOf } from "../../web/src/editor/uris.ts";
import { byFile, foundWords, matchLength, partsOf, queryOf } from "../../web/src/files/found.ts";
import { linesOf } from "../../web/src/files/use-suggestions.ts";

test("a file has an address at a server, however that writes it", () => {
  expect(uriOf("src/[id] ü.tsx")).toBe("file:///workspace/src/%5Bid%5D%20%C3%BC.tsx");
  for (const uri of [uriOf("src/[id] ü.tsx"), "file:///workspace/src/[id]%20ü.tsx"]) expect(pathOf(uri)).toBe("src/[id] ü.tsx");
  for (const uri of ["outside:///lib.d.ts", "file:///etc/passwd", "file:///workspace/%"]) expect(pathOf(uri)).toBe(null);
});

test("what a server says may format, and nothing else", () => {
  expect(harmless('<p>A <b onclick="x()">word</b> <code class="y">f()</code></p>')).toBe("<p>A <b>word</b> <code>f()</code></p>");
  for (const evil of [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg><a xlink:href=javascript:alert(1)>x</a></svg>",
    "<style>*{display:none}</style>",
    '<form action="/x"><button>x</button></form>',
    "<iframe srcdoc='<script>1</script>'></iframe>",
  ])
    expect(harmless(evil)).not.toContain("<");
  expect(harmless('<a href="javascript:alert(1)">x</a>')).toBe("<a>x</a>");
  expect(harmless('<a href="https://a.b/c" id="z">x</a>')).toBe('<a href="https://a.b/c" target="_blank" rel="noopener noreferrer">x</a>');
});

test("a selection is replaced where it stands by now", () => {
  expect(replaced("a b c", { from: 2, text: "b" }, "B")).toBe("a B c");
  expect(replaced("new a b c", { from: 2, text: "b" }, "B")).toBe("new a B c");
  expect(replaced("b b", { from: 1, text: "b" }, "B")).toBe(null);
  expect(replaced("c", { from: 0, text: "b" }, "B")).toBe(null);
});

function at(line: number, from: number, to: number, newText: string) {
  return { range: { start: { line, character: from }, end: { line, character: to } }, newText };
}

test("a name is another one where a server says that it stands, or nothing is changed", () => {
  const text = "add(1);\r\n\r\nf(add, add)";
  const edits = [at(2, 7, 10, "sum"), at(0, 0, 3, "sum"), at(2, 2, 5, "a: sum")];
  expect(renamed(text, "add", edits)).toBe("sum(1);\r\n\r\nf(a: sum, sum)");
  expect(renamed(`x${text}`, "add", edits)).toBe(null);
  expect(renamed(text, "add", [at(9, 0, 3, "sum")])).toBe(null);
  expect(renamed(text, "add", [at(0, 0, 3, "a"), at(0, 0, 3, "b")])).toBe(null);
});

const asked = { q: "a.b", glob: "", regex: false, caseSensitive: false };
const line = { path: "x.ts", line: 3, column: 5, text: "  ü A.B😀", textColumn: 1 };

function parts(found: typeof line, by: typeof asked) {
  return partsOf(found, matchLength(found, by));
}

test("a line that was found is shown around its match", () => {
  expect(parts(line, asked)).toEqual(["ü ", "A.B", "😀"]);
  expect(parts(line, { ...asked, q: "a..+", regex: true })).toEqual(["ü ", "A.B😀", ""]);
  expect(parts({ ...line, column: 105, textColumn: 101 }, asked)).toEqual(["…  ü ", "A.B", "😀"]);
  expect(parts(line, { ...asked, q: "(?i)a", regex: true })).toEqual(["ü ", "", "A.B😀"]); // no pattern of browsers
});

test("a search says what it has found, and how much of it is shown", () => {
  expect(foundWords({ matches: [line, { ...line, line: 4 }], total: 2, isComplete: true })).toBe("2 lines in 1 file.");
  expect(foundWords({ matches: [line], total: 1234, isComplete: true })).toBe("The first 1 of 1,234 lines are shown.");
  expect(foundWords({ matches: [], total: 0, isComplete: false })).toMatch(/^Nothing found\. There was no time/);
  expect(byFile([line, { ...line, path: "y.ts" }, { ...line, line: 9 }]).map(([path, lines]) => [path, lines.length])).toEqual([
    ["x.ts", 2],
    ["y.ts", 1],
  ]);
  expect(queryOf({ ...asked, q: "a&b", glob: " *.ts ", regex: true })).toBe("q=a%26b&limit=200&glob=*.ts&regex=true");
});

test("the text around a cursor goes out in lines", () => {
  expect(linesOf({ before: "one\ntw", after: "o\nthree" })).toEqual({
    code: "one\ntwo\nthree",
    previousLines: "one",
    textBeforeCursor: "tw",
    textAfterCursor: "o",
    nextLines: "three",
  });
});

function typing(suggest: (signal: AbortSignal) => Promise<string>) {
  const view = new EditorView({
    parent: document.body,
    state: EditorState.create({ doc: "", extensions: suggestions((_, signal) => suggest(signal)) }),
  });
  const type = (insert: string) => {
    const from = view.state.selection.main.head;
    view.dispatch({ changes: { from, insert }, selection: { anchor: from + insert.length }, userEvent: "input.type" });
  };
  const press = (key: string) => runScopeHandlers(view, new KeyboardEvent("keydown", { key }), "editor");
  const ghost = () => view.dom.querySelector(".cm-suggestion")?.textContent ?? null;
  return { view, type, press, ghost };
}

test("a suggestion is shown, typed along, taken and dropped", async () => {
  vi.useFakeTimers();
  const { view, type, press, ghost } = typing(async () => "st x = 1;");
  type("con");
  expect(ghost()).toBe(null);
  await vi.advanceTimersByTimeAsync(500);
  expect(ghost()).toBe("st x = 1;");
  type("st");
  expect(ghost()).toBe(" x = 1;");
  expect(press("Tab")).toBe(true);
  expect([view.state.doc.toString(), ghost()]).toEqual(["const x = 1;", null]);
  await vi.advanceTimersByTimeAsync(500);
  expect(ghost()).toBe(null); // what was taken asks for nothing
  type("\n");
  await vi.advanceTimersByTimeAsync(500);
  expect(ghost()).toBe("st x = 1;");
  expect(press("Escape")).toBe(true);
  expect([view.state.doc.toString(), ghost()]).toEqual(["const x = 1;\n", null]);
  expect(press("Tab")).toBe(false);
  vi.useRealTimers();
});

test("the next key takes a question back, and a fault is silent", async () => {
  vi.useFakeTimers();
  const signals: AbortSignal[] = [];
  const { type, ghost } = typing(async (signal) => {
    signals.push(signal);
    if (signals.length === 2) throw new Error("no model");
    return await new Promise((resolve) => setTimeout(() => resolve("late"), 1_000));
  });
  type("a");
  await vi.advanceTimersByTimeAsync(500);
  type("b");
  expect(signals[0]?.aborted).toBe(true);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([ghost(), signals.length]).toEqual([null, 2]);
  vi.useRealTimers();
});
