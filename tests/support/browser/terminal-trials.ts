// What terminals have to bear: an end of the shell, several of them, another window, a flood, and a server that is killed.
// Asks whoever started it to kill the server by a line on the standard output.
import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { newProject, sit, type Sitting } from "./sitting.ts";

await sit(
  (sitting) => newProject(sitting, "Shop"),
  endAndBeginAgain,
  haveTwo,
  changeTheTheme,
  makeItHigher,
  haveItSpoken,
  bearAFlood,
  useItInAnotherWindow,
  openTooMany,
  runTheCommandOfTheProject,
  goOnAfterAKill,
);

function shell(page: Page, number = 1) {
  return page.frameLocator(`iframe[title="Terminal ${number}"]`);
}

async function shows(page: Page, words: string | RegExp, number = 1) {
  await shell(page, number).locator(".xterm-rows").filter({ hasText: words }).waitFor();
}

async function says(page: Page, words: string | RegExp, number = 1) {
  await shell(page, number).locator("#state").filter({ hasText: words }).waitFor();
}

async function endAndBeginAgain({ page }: Sitting) {
  await page.getByRole("button", { name: "Terminal", exact: true }).first().click();
  await shows(page, "~ $");
  await page.keyboard.type("exit 3\n");
  await says(page, "The shell has ended with exit code 3.");
  await shell(page).getByRole("button", { name: "New shell" }).click();
  await page.keyboard.type("echo again $((1+1))\n");
  await shows(page, /again 2/);
}

async function haveTwo({ page }: Sitting) {
  await page.getByRole("button", { name: "New terminal" }).click();
  await shows(page, "~ $", 2);
  await page.keyboard.type("echo second $((2+2))\n");
  await shows(page, /second 4/, 2);
  await page.getByRole("button", { name: "End terminal 2" }).click();
  await page.locator('iframe[title="Terminal 2"]').waitFor({ state: "detached" });
  await shows(page, /again 2/);
}

async function changeTheTheme({ page }: Sitting) {
  const colour = async () =>
    await shell(page)
      .locator("body")
      .evaluate((body) => getComputedStyle(body).backgroundColor);
  const before = await colour();
  await page.getByRole("heading", { name: "Shop" }).click();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).fill("light or");
  await page.keyboard.press("Enter");
  if ((await colour()) === before) throw new Error("the terminal does not follow the page's theme");
}

async function makeItHigher({ page }: Sitting) {
  const height = async () => (await page.getByRole("region", { name: "Terminal" }).boundingBox())?.height ?? 0;
  const before = await height();
  await page.getByRole("separator").press("ArrowUp");
  await page.getByRole("separator").press("ArrowUp");
  const higher = await height();
  if (higher < before + 50) throw new Error(`${before} pixels high, and then ${higher}`);
  const { x = 0, y = 0, width = 0 } = (await page.getByRole("separator").boundingBox()) ?? {};
  await page.mouse.move(x + width / 2, y + 4);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + 104, { steps: 5 });
  await page.mouse.up();
  if (Math.abs((await height()) - (higher - 100)) > 12) throw new Error(`${await height()} pixels after a pull`);
}

async function haveItSpoken(sitting: Sitting) {
  const { page, see } = sitting;
  const change = async () => {
    await page.getByRole("heading", { name: "Shop" }).click();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: /^Find/ }).fill("screen readers");
    await page.keyboard.press("Enter");
  };
  await change();
  await shell(page).getByRole("listitem").filter({ hasText: "again 2" }).first().waitFor({ state: "attached" });
  await see("spoken");
  await change();
  await shell(page).getByRole("listitem").first().waitFor({ state: "detached" });
}

async function bearAFlood({ page }: Sitting) {
  await shell(page).locator(".xterm-screen").click();
  await page.keyboard.type("seq 3000000; echo flood $((3+3))\n");
  await shows(page, /flood 6/);
}

async function useItInAnotherWindow({ page }: Sitting) {
  const kept = await page.evaluate(() => JSON.stringify(Object.entries(sessionStorage)));
  const other = await page.context().browser()!.newPage();
  await other.goto(new URL(page.url()).origin);
  await other.evaluate(
    (text) => (JSON.parse(text) as [string, string][]).forEach(([key, value]) => sessionStorage.setItem(key, value)),
    kept,
  );
  await other.goto(page.url());
  await shows(other, /flood 6/);
  await says(page, "This terminal was opened in another window.");
  await shell(page).getByRole("button", { name: "Use it here" }).click();
  await says(other, "This terminal was opened in another window.");
  await shows(page, /flood 6/);
  await other.close();
}

async function openTooMany({ page, see }: Sitting) {
  for (const number of [2, 3, 4]) {
    await page.getByRole("button", { name: "New terminal" }).click();
    await shows(page, "~ $", number);
  }
  await page.getByRole("button", { name: "New terminal" }).click();
  await says(page, "4 terminals are open in this project. Close one first.", 5);
  const overlap = await page.evaluate(() => {
    const [panel, chat] = ["Terminal", "Chat"].map((name) =>
      document.querySelector(`section[aria-label="${name}"]`)?.getBoundingClientRect(),
    );
    return (panel?.right ?? 0) - (chat?.left ?? 0);
  });
  if (overlap > 0) throw new Error(`the terminal covers ${overlap} pixels of the chat`);
  await see("too-many-terminals");
  for (const number of [5, 4, 3, 2]) await page.getByRole("button", { name: `End terminal ${number}` }).click();
  await page.locator('iframe[title="Terminal 2"]').waitFor({ state: "detached" });
}

async function runTheCommandOfTheProject({ page }: Sitting) {
  await page.evaluate(async (id) => {
    const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ devCommand: "echo dev $((5+5))" });
    await fetch(`/api/projects/${id}/settings`, { method: "PATCH", headers, body });
  }, new URL(page.url()).pathname.split("/")[2]);
  await page.getByRole("button", { name: "Preview", exact: true }).first().click();
  await page.getByRole("textbox", { name: "Port" }).fill("99999");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("region", { name: "Preview" }).getByRole("alert").waitFor();
  await page.getByRole("button", { name: /^Run “echo dev/ }).click();
  await shows(page, /dev 10/, 2);
  await page.getByRole("button", { name: "Hide the preview" }).click();
  await page.getByRole("button", { name: "End terminal 2" }).click();
  await page.locator('iframe[title="Terminal 2"]').waitFor({ state: "detached" });
}

async function goOnAfterAKill({ page, folder }: Sitting) {
  await page.getByRole("button", { name: "Terminal 1", exact: true }).click();
  console.log("kill");
  await says(page, "Polaris does not answer. Trying again…");
  while (!existsSync(`${folder}/killed`)) await page.waitForTimeout(100);
  await shows(page, /The earlier shell is over; this is a new one\.\s*~ \$/);
  await shell(page).locator(".xterm-screen").click();
  await page.keyboard.type("echo alive $((4+4))\n");
  await shows(page, /alive 8/);
}
