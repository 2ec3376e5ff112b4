// What the palette finds by a few letters.
import { expect, test } from "vitest";
import { bestOf, fits } from "../../web/src/ui/fuzzy.ts";

const PATHS = ["src/app/routes.ts", "src/greeting.ts", "tests/greeting.test.ts", "docs/grammar.md", "README.md"];
const find = (typed: string) => bestOf(typed, PATHS, (path) => path, 3);

test("letters have to be there in their order, whatever their case", () => {
  expect(fits("rts", "src/app/routes.ts")).not.toBe(null);
  expect(fits("GREET", "src/greeting.ts")).not.toBe(null);
  expect(fits("steer", "src/greeting.ts")).toBe(null);
});

test("the name of a file counts more than its folders, a shorter one more than a longer", () => {
  expect(find("greeting")[0]).toBe("src/greeting.ts");
  expect(find("gre")[0]).toBe("src/greeting.ts");
  expect(find("tests gre")[0]).toBe("tests/greeting.test.ts");
  expect(find("read")[0]).toBe("README.md");
});

test("nothing typed: all in their order, up to the bound", () => expect(find(" ")).toEqual(PATHS.slice(0, 3)));
