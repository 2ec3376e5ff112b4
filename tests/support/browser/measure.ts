// Figures of the page in Chromium, for `make bench SUITE=web`: `node measure.ts ADDRESS CROWD`, where CROWD says in JSON which
// conversation has 10,000 messages. The last line is one JSON object.
import chromium from "@sparticuz/chromium";
import { chromium as driver, type CDPSession, type Page } from "playwright-core";
import { bareOf, type Crowd, conversationOf } from "./conversation.ts";
import { medianOf, percentile } from "./medians.ts";
import { violationsOf } from "./routes.ts";
import { timelineOf } from "./timeline.ts";

const FILES = 5_000;
const KEYS = 60;
const FIRST_ANSWERS = 20; // until the page has what it keeps anyway
const ANSWERS = 200; // it stays open over so many more
const ROUNDS = 5;

const [address = "", crowd = "{}"] = process.argv.slice(2);
const browser = await driver.launch({
  executablePath: process.env["CHROMIUM"] ?? (await chromium.executablePath()),
  args: ["--no-sandbox", "--headless=shell"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(60_000);
  const devtools = await page.context().newCDPSession(page);
  await page.goto(address);
  await page.getByLabel("Name of a new project").fill("Bench");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "New conversation" }).waitFor();
  const tree = await treeOf(page);
  await page.getByRole("button", { name: "New conversation" }).click();
  const stream = await streamOf(page, devtools);
  const heap = await heapOf(page, devtools);
  const [, , project = "", , conversation = ""] = new URL(page.url()).pathname.split("/");
  const rules = await violationsOf(page, project, conversation);
  const timeline = await timelineOf(page);
  const messages = await conversationOf(page, JSON.parse(crowd) as Crowd);
  const bare = await bareOf(page);
  console.log(JSON.stringify({ ...tree, ...stream, ...heap, ...rules, ...timeline, ...messages, ...bare }));
} finally {
  await browser.close();
}

/** An archive's worth of files in one folder: how many elements its tree has once it is open. */
async function treeOf(page: Page) {
  const projectId = new URL(page.url()).pathname.split("/")[2] ?? "";
  await page.evaluate(
    async ([id, count]) => {
      const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
      const put = (path: string) => fetch(`/api/projects/${id}/files/${path}`, { method: "PUT", headers, body: '{"content":"x"}' });
      for (let at = 0; at < Number(count); at += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, more) => put(`many/${at + more}.ts`)));
      }
    },
    [projectId, FILES] as const,
  );
  await page.reload();
  const folder = page.getByRole("treeitem", { name: "many" });
  await folder.waitFor();
  await page.waitForTimeout(2_000); // until the last page of paths has come
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round > 0) await folder.click(); // closed again
    took.push(await page.evaluate(openTheFolder));
  }
  const nodes = await page.locator('[role="tree"] *').count();
  await folder.click();
  return { tree_5000_mount_ms: medianOf(took), tree_5000_nodes: nodes };
}

/** Runs in the page. */
async function openTheFolder(): Promise<number> {
  const row = document.querySelector<HTMLElement>('[role="treeitem"]');
  const began = performance.now();
  row?.click();
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}

/** A long answer while the person types in the editor. */
async function streamOf(page: Page, devtools: CDPSession) {
  let received = 0;
  await devtools.send("Performance.enable");
  await devtools.send("Network.enable");
  devtools.on("Network.webSocketFrameReceived", ({ response }) => (received += response.payloadData.length));
  await page.getByRole("button", { name: "New file" }).click();
  await page.getByLabel("Path of the file").fill("notes.md");
  await page.keyboard.press("Enter");
  const editor = page.getByRole("textbox", { name: "notes.md" });
  await editor.waitFor();
  await page.evaluate(watch);
  const input = page.getByLabel("Message to the agent");
  await input.fill("a long answer");
  await input.press("Enter");
  await page.getByText("A part of the answer").first().waitFor();
  const before = { script: await metric(devtools, "ScriptDuration"), received };
  await editor.click();
  for (let at = 0; at < KEYS; at += 1) {
    await page.keyboard.press("a");
    await page.waitForTimeout(100);
  }
  await page.getByText("Done ·").waitFor();
  const script = (await metric(devtools, "ScriptDuration")) - before.script;
  const { keys, tasks } = await page.evaluate(() => (globalThis as unknown as { seen: { keys: number[]; tasks: number[] } }).seen);
  return {
    stream_script_ms: script * 1_000,
    stream_longest_task_ms: Math.max(0, ...tasks),
    stream_received_kb: (received - before.received) / 1_000,
    key_handled_p95_ms: percentile(keys, 95),
  };
}

/** Runs in the page: notes long tasks, and how long each key took from its event to the end of what it does. */
function watch() {
  const seen = { keys: [] as number[], tasks: [] as number[] };
  Object.assign(globalThis, { seen });
  new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  addEventListener("input", ({ timeStamp }) => queueMicrotask(() => seen.keys.push(performance.now() - timeStamp)), { capture: true });
}

async function heapOf(page: Page, devtools: CDPSession) {
  const input = page.getByLabel("Message to the agent");
  const after = async (answers: number) => {
    for (let at = 0; at < answers; at += 1) {
      await input.fill("a short one");
      await input.press("Enter");
      await page
        .getByRole("button", { name: "Stop" })
        .waitFor({ state: "visible" })
        .catch(() => undefined);
      await page.getByRole("button", { name: "Stop" }).waitFor({ state: "hidden" });
    }
    await devtools.send("HeapProfiler.collectGarbage");
    return await metric(devtools, "JSHeapUsedSize");
  };
  const first = await after(FIRST_ANSWERS);
  const last = await after(ANSWERS);
  return { heap_growth_percent: (last / first - 1) * 100 };
}

async function metric(devtools: CDPSession, name: string): Promise<number> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return metrics.find((each) => each.name === name)?.value ?? Number.NaN;
}
