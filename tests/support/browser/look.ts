// A look at the page as it stands, as pictures and by the rules of axe: wide and light, narrow and dark; with THOROUGH
// in each of three widths in both themes.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
type Theme = "light" | "dark";
const BOTH: Theme[] = ["light", "dark"];
const FEW: [number, Theme[]][] = [
  [1440, ["light"]],
  [390, ["dark"]],
];
const LOOKS = process.env["THOROUGH"] === undefined ? FEW : [1440, 1024, 390].map((width): [number, Theme[]] => [width, BOTH]);

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe finds, a line each; pictures go to `folder`. `atWidth` makes the page ready for a width. */
export async function look(page: Page, folder: string, name: string, atWidth?: (width: number) => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  for (const [width, themes] of LOOKS) {
    await page.setViewportSize({ width, height: 900 });
    await atWidth?.(width);
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png` });
      found.push(...(await violations(page)).map((words) => `${name} ${colorScheme} ${width}: ${words}`));
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  return found;
}

export async function violations(page: Page): Promise<string[]> {
  const ours = page.frames().filter((frame) => new URL(frame.url()).origin === new URL(page.url()).origin);
  await Promise.all(ours.map((frame) => frame.evaluate(AXE))); // past the policy of the page, which lets in no script of ours
  const found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as { violations: Violation[] };
  return found.violations.map(
    ({ id, nodes }) => `${id} ×${nodes.length} ${nodes[0]?.html.slice(0, 160)} ${nodes[0]?.failureSummary ?? ""}`,
  );
}
