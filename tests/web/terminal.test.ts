// The pure parts of the terminal: which are open, what the end of a connection means, how it is told to the agent.
import { expect, test } from "vitest";
import { fromKept, keptText, NONE, quoted, withNew, without, withSession } from "../../web/src/terminal/sessions.ts";
import { isAnswer } from "../../web/src/xterm/answers.ts";
import { after, type Ended, portIn, waitMs } from "../../web/src/xterm/ending.ts";

function ended(code: number, more: Partial<Ended> = {}): Ended {
  return { code, reason: "", hadSession: true, ...more };
}

test("a new terminal takes the lowest number that is free, and is shown", () => {
  const three = withNew(withNew(withNew(NONE)));
  expect(three.open.map(({ number }) => number)).toEqual([1, 2, 3]);
  const [first, second] = three.open;
  const again = withNew(without(three, first?.key ?? ""));
  expect(again.open.map(({ number }) => number)).toEqual([2, 3, 1]);
  expect(again.shown).toBe(again.open[2]?.key);
  expect(new Set([...three.open, ...again.open].map(({ key }) => key)).size).toBe(4);
  expect(without(again, second?.key ?? "").shown).toBe(again.shown);
});

test("where the shown one goes, the one beside it is shown, and nothing after the last", () => {
  const two = withNew(withNew(NONE));
  const one = without(two, two.shown ?? "");
  expect(one.shown).toBe(one.open[0]?.key);
  expect(without(one, one.shown ?? "")).toEqual(NONE);
  expect(without(one, "no such")).toEqual(one);
});

test("a reload finds the shells again, and nothing that is no list of them", () => {
  const two = withNew(withNew(NONE));
  const kept = keptText(withSession(two, two.open[0]?.key ?? "", "term_1"));
  expect(fromKept(kept).open.map(({ session }) => session)).toEqual(["term_1"]);
  for (const text of [null, "", "{", "7", '{"a":1}', "[1, null]"]) expect(fromKept(text).open).toEqual([]);
});

test.each([
  [1000, { exitCode: 3 }, "The shell has ended with exit code 3.", "ask", false],
  [1000, {}, "The shell has ended.", "ask", false],
  [4010, { reason: "the server stops" }, "The shell is over: the server stops.", "ask", false],
  [4001, {}, "This terminal was opened in another window.", "ask", true],
  [1006, {}, "Polaris does not answer.", "retry", true],
  [1012, {}, "Polaris does not answer.", "retry", true],
  [4429, { problem: { error: "Too many. Wait.", code: "rate_limited" } }, "Too many. Wait.", "retry", true],
  [4503, { problem: { error: "It is away", code: "store_unavailable" } }, "It is away.", "retry", true],
  [4503, { problem: { error: "No sandbox here", code: "no_sandbox" } }, "No sandbox here.", "ask", true],
  [4404, { problem: { error: "Gone", code: "no_such_terminal" } }, "The earlier shell is over; this is a new one.", "fresh", false],
  [4404, { problem: { error: "Gone", code: "not_found" } }, "There is no such project any more.", "ask", false],
  [4409, { problem: { error: "4 are open. Close one.", code: "x" } }, "4 are open. Close one.", "ask", true],
  [1009, { reason: "More than 65536 bytes at once" }, "More than 65536 bytes at once.", "ask", true],
  [4999, {}, "The connection was closed (4999).", "ask", true],
] as const)("an end with %i is said in words", (code, more, words, follows, keepsSession) => {
  expect(after(ended(code, more))).toMatchObject({ words, follows, keepsSession });
});

test("without an earlier shell, none is looked for again and again", () => {
  const problem = { error: "Gone", code: "no_such_terminal" };
  expect(after(ended(4404, { hadSession: false, problem })).follows).toBe("ask");
});

test("attempts come further and further apart, up to a bound", () => {
  expect([0, 1, 2, 20].map(waitMs)).toEqual([500, 1_000, 2_000, 15_000]);
});

test("a server says where it listens", () => {
  expect(portIn("  ➜  Local:   http://localhost:5173/\n")).toBe(5173);
  expect(portIn("Serving HTTP on 0.0.0.0 port 8000 (http://0.0.0.0:8000/) ...")).toBe(8000);
  for (const text of ["", "https://example.com:8080/", "http://localhost:0", "http://localhost:70000"]) expect(portIn(text)).toBe(null);
});

test("what is told to the agent cannot end its own quotation", () => {
  expect(quoted("It says:", "a\n```\nb")).toBe("It says:\n\n````\na\n```\nb\n````\n");
  expect(quoted("It says:", "  ")).toBe("It says:\n");
});

test("what a terminal answers by itself is told from what a person types", () => {
  for (const text of ["[?1;2c", "[>0;276;0c", "[12;40R", "[0n", "[?12;1$y", "]11;rgb:ff/ff/ff", "P1$r0m"]) {
    expect(isAnswer(`\u001B${text}`)).toBe(true);
  }
  for (const text of ["a", "[c", "\r", "\u0003", "\u001B", "\u001B[A", "\u001B[1;5D", "\u001B[3~", "\u001BOP", "\u001Bb"]) {
    expect(isAnswer(text)).toBe(false);
  }
});
