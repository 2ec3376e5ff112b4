// Figures of a run of 1,000 steps in Chromium. No job of ours makes such a run, so the browser is given one in the API's words.
import type { Page } from "playwright-core";
import { medianOf, percentile } from "./medians.ts";

const STEPS = 1_000;
const ZOOMS = 60;
const RUN = "bench:big";
const ROUNDS = 5;
const STEP_MS = 50;

/** How long it takes from the answer of the API to the bars, how many elements those are, and how long a zoom takes. */
export async function timelineOf(page: Page) {
  const body = JSON.stringify(runOf(STEPS));
  await page.route(`**/api/runs/${encodeURIComponent(RUN)}*`, (route) => route.fulfill({ contentType: "application/json", body }));
  const mounts: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.goto(new URL("/runs", page.url()).href);
    await page.getByText("Live", { exact: true }).waitFor();
    mounts.push(await page.evaluate(openIt, `${RUN}${round}`));
  }
  const zooms: number[] = [];
  const list = page.getByRole("listbox");
  await list.focus();
  for (let at = 0; at < ZOOMS; at += 1) zooms.push(await page.evaluate(zoomIt, at % 2 === 0 ? "+" : "-"));
  const nodes = await list.locator("*").count();
  return { timeline_1000_mount_ms: medianOf(mounts), timeline_1000_nodes: nodes, timeline_zoom_p95_ms: percentile(zooms, 95) };
}

/** Runs in the page: from the last byte of the answer to the first bars. */
async function openIt(runId: string): Promise<number> {
  history.pushState(null, "", `/runs/${runId}`);
  while (document.querySelector('[role="option"]') === null) await new Promise(requestAnimationFrame);
  const now = performance.now();
  const answer = performance.getEntriesByType("resource").find(({ name }) => name.endsWith(`/api/runs/${encodeURIComponent(runId)}`));
  return now - (answer as PerformanceResourceTiming).responseEnd;
}

/** Runs in the page: what the key does, up to the layout of what it has changed. */
async function zoomIt(key: string): Promise<number> {
  const list = document.querySelector('[role="listbox"]');
  const began = performance.now();
  list?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await Promise.resolve(); // React draws what a key changes once the handlers are done
  list?.getBoundingClientRect();
  return performance.now() - began;
}

/** Every kind of step, some tried more than once, one after the other. */
function runOf(count: number) {
  const began = Date.now() - count * STEP_MS;
  const kinds = ["run", "sleep", "wait_for_event", "invoke", "send_event"];
  const steps = Array.from({ length: count }, (_, at) => {
    const startedAt = began + at * STEP_MS;
    const endedAt = startedAt + STEP_MS;
    const failed = { startedAt, endedAt: startedAt + 10, error: { name: "Flaky", message: "not yet" } };
    const tries = at % 7 === 0 ? [failed, { startedAt: startedAt + 30, endedAt }] : [{ startedAt, endedAt }];
    return { stepId: `step-${at}`, kind: kinds[at % kinds.length], status: "completed", attempts: tries.length, tries, startedAt, endedAt };
  });
  const times = { createdAt: began - 200, startedAt: began, endedAt: began + count * STEP_MS };
  return { runId: RUN, jobId: "bench", eventId: "e", status: "completed", children: [], steps, ...times };
}
