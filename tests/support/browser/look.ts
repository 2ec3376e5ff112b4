// A look at the page as it stands: in both themes and two widths (with THOROUGH three), as pictures, and by
// the rules of axe.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const THEMES = ["light", "dark"] as const;
const WIDTHS = process.env["THOROUGH"] === undefined ? [1440, 390] : [1440, 1024, 390];

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe finds, a line each; pictures go to `folder`. `atWidth` makes the page ready for a width. */
export async function look(page: Page, folder: string, name: string, atWidth?: (width: number) => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await atWidth?.(width);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png` });
      found.push(...(await violations(page)).map((words) => `${name} ${colorScheme} ${width}: ${words}`));
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  return found;
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE); // past the policy of the page, which lets in no script of ours
  const found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as { violations: Violation[] };
  return found.violations.map(
    ({ id, nodes }) => `${id} ×${nodes.length} ${nodes[0]?.html.slice(0, 160)} ${nodes[0]?.failureSummary ?? ""}`,
  );
}
