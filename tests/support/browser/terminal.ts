// A person's shell below the editor, a server that they start in it, and the preview of that beside the editor.
import type { FrameLocator, Page } from "playwright-core";
import { newProject, say, sit, type Sitting } from "./sitting.ts";

await sit(
  (sitting) => newProject(sitting, "Shop"),
  typeInTheTerminal,
  findItAfterAReload,
  seeWhatAServerShows,
  leaveByKeyboard,
  endWhatTheAgentStarted,
);

function shell({ page }: Sitting): FrameLocator {
  return page.frameLocator('iframe[title="Terminal 1"]');
}

async function shows(sitting: Sitting, words: string | RegExp) {
  await shell(sitting).locator(".xterm-rows").filter({ hasText: words }).waitFor();
}

/** Where there is room for one part only, that one. */
async function partOf(page: Page, width: number, name: string) {
  if (width === 390) await page.getByRole("navigation", { name: "Parts of the page" }).getByRole("button", { name }).click();
}

async function typeInTheTerminal(sitting: Sitting) {
  const { page, see } = sitting;
  await page.getByRole("button", { name: "Terminal", exact: true }).first().waitFor();
  await page.keyboard.press("Control+`");
  await shows(sitting, "~ $");
  await page.keyboard.type("echo $((6*7)) | tee answer.txt\n");
  await shows(sitting, /42/);
  await page.getByRole("treeitem", { name: "answer.txt" }).click();
  await page.getByRole("textbox", { name: "answer.txt" }).waitFor();
  await see("terminal", async (width) => await partOf(page, width, "Terminal"));
  if (await shell(sitting).locator("#state").isVisible()) throw new Error("something is wrong after a change of size");
}

async function findItAfterAReload(sitting: Sitting) {
  const { page } = sitting;
  await page.reload();
  await shows(sitting, /tee answer.txt\s*42/);
  await shell(sitting).locator(".xterm-screen").click();
}

async function seeWhatAServerShows(sitting: Sitting) {
  const { page, see } = sitting;
  await page.keyboard.type("python3 -u -m http.server 8123\n");
  await shows(sitting, "Serving HTTP");
  await page.getByRole("button", { name: "Preview", exact: true }).first().click();
  await page.getByText("A server listens on port 8123").waitFor();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.frameLocator('iframe[title="Preview of port 8123"]').getByText("answer.txt").waitFor();
  await page.getByTitle("Tell the agent about this error").click();
  const message = page.getByLabel("Message to the agent");
  await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("Serving HTTP") === true);
  if (!(await message.inputValue()).startsWith("The preview of port 8123")) throw new Error("the agent is not told of what");
  await see("preview", async (width) => await partOf(page, width, "Preview"));
}

async function leaveByKeyboard({ page }: Sitting) {
  await page.getByLabel("Message to the agent").focus();
  await page.keyboard.press("Control+`");
  await page.waitForFunction(() => document.activeElement?.tagName === "IFRAME");
  await page.keyboard.press("Control+`");
  await page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
}

async function endWhatTheAgentStarted(sitting: Sitting) {
  const { page, see } = sitting;
  await say(sitting, "start it");
  await page.getByRole("button", { name: "Processes" }).click();
  const process = page.getByRole("article", { name: /setTimeout/ });
  await process.getByText("begun", { exact: true }).waitFor();
  await see("processes", async (width) => await partOf(page, width, "Terminal"));
  await process.getByRole("button", { name: "Stop" }).click();
  await process.getByText(/^stopped/).waitFor();
}
