// What axe finds on every route of the page, in both themes.
import type { Page } from "playwright-core";
import { violations } from "./look.ts";

/** The routes, once something has been made; those of a run and an event are found in their lists. */
export async function violationsOf(page: Page, project: string, conversation: string) {
  const { origin } = new URL(page.url());
  const found: string[] = [];
  for (const path of ["/", `/p/${project}`, `/p/${project}/c/${conversation}`, "/runs", "/events", "/jobs", "/metrics"]) {
    await page.goto(`${origin}${path}`);
    found.push(...(await inBothThemes(page, path)));
    if (path !== "/runs" && path !== "/events") continue;
    await page.getByRole("listitem").getByRole("link").first().click();
    found.push(...(await inBothThemes(page, `one of ${path}`)));
  }
  for (const words of found) console.error(words);
  return { axe_violations: found.length };
}

async function inBothThemes(page: Page, name: string): Promise<string[]> {
  await page.locator("main, [role=tree]").first().waitFor();
  await page.waitForTimeout(500); // until what it asks for has come
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    found.push(...(await violations(page)).map((words) => `${name} ${colorScheme}: ${words}`));
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  return found;
}
