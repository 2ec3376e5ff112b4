// Figures of a conversation of 10,000 messages in Chromium, and of a bare page to hold them against.
import type { Page } from "playwright-core";
import { medianOf } from "./medians.ts";

const ROUNDS = 9;

export interface Crowd {
  readonly projectId: string;
  readonly crowded: string;
  readonly empty: string;
  readonly last: string; // what stands in its last message
}

/** From the choice of the conversation to its last messages, and how many elements they are. Each round comes from an empty one. */
export async function conversationOf(page: Page, { projectId, crowded, empty, last }: Crowd) {
  const path = `/p/${projectId}/c/`;
  await page.goto(new URL(`${path}${empty}`, page.url()).href);
  await page.getByLabel("Message to the agent").waitFor();
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    took.push(await page.evaluate(openIt, [`${path}${crowded}`, last] as const));
    if (round < ROUNDS - 1) await page.evaluate(leaveIt, `${path}${empty}`);
  }
  const nodes = await page.locator('[aria-label="Messages"] *').count();
  return { messages_10000_mount_ms: medianOf(took), messages_10000_nodes: nodes };
}

/** Runs in the page. */
async function openIt([path, last]: readonly [string, string]): Promise<number> {
  const began = performance.now();
  history.pushState(null, "", path);
  while (document.querySelector('[aria-label="Messages"]')?.textContent.includes(last) !== true) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}

/** Runs in the page; what was shown before is gone afterwards, its subscription, too. */
async function leaveIt(path: string): Promise<void> {
  history.pushState(null, "", path);
  while (document.querySelector('[aria-label="Messages"] [data-id]') !== null) await new Promise(requestAnimationFrame);
  await new Promise((done) => setTimeout(done, 500));
}

/** What this machine takes now for 2,000 rows of text in a page without anything else. */
export async function bareOf(page: Page) {
  await page.goto("about:blank");
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) took.push(await page.evaluate(drawRows));
  return { bare_page_ms: medianOf(took) };
}

/** Runs in the page. */
async function drawRows(): Promise<number> {
  document.body.replaceChildren();
  await new Promise(requestAnimationFrame);
  const began = performance.now();
  for (let at = 0; at < 2_000; at += 1) {
    const row = document.body.appendChild(document.createElement("div"));
    row.append(Object.assign(document.createElement("b"), { textContent: `row ${at}` }), ` of a page without anything else`);
  }
  document.body.getBoundingClientRect();
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}
