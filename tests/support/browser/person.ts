// A person in Chromium: `node person.ts ADDRESS FOLDER`. Makes a project, sends, looks at card and diff, edits, undoes, says it
// otherwise, stops, and looks at every part; pictures go to FOLDER. The last line says what was seen; whatever fails ends it.
import chromium from "@sparticuz/chromium";
import { chromium as driver, type Page } from "playwright-core";
import { look } from "./look.ts";

const [address = "", folder = ""] = process.argv.slice(2);
const browser = await driver.launch({
  executablePath: process.env["CHROMIUM"] ?? (await chromium.executablePath()),
  args: ["--no-sandbox", "--headless=shell"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const complaints: string[] = [];
const violations: string[] = [];
page.on("console", (message) => {
  if (message.type() === "error") complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));
page.setDefaultTimeout(20_000);
try {
  await page.goto(address);
  await beginAProject(page);
  await sendAndSeeTheDiff();
  await editTheFile(page);
  await seeEveryPart(page);
  await undoAndBringBack(page);
  await sayItOtherwise();
  await stopAnAnswer(page);
  const isTokenShown = page.url().includes("token");
  console.log(JSON.stringify({ complaints, violations, isTokenShown }));
} catch (error) {
  await page.screenshot({ path: `${folder}/failed.png` });
  console.error(complaints.join("\n"));
  throw error;
} finally {
  await browser.close();
}

async function see(name: string, atWidth?: (width: number) => Promise<void>) {
  violations.push(...(await look(page, folder, name, atWidth)));
}

async function beginAProject({ keyboard }: Page) {
  await page.getByLabel("Name of a new project").fill("Shop");
  await keyboard.press("Enter");
  await page.getByRole("button", { name: "New conversation" }).click();
}

async function sendAndSeeTheDiff() {
  const input = page.getByLabel("Message to the agent");
  await input.fill("write the greeting");
  await input.press("Enter");
  await page.getByText("Done ·").waitFor();
  await page.getByRole("button", { name: /^Write/ }).click();
  await page.getByLabel("Changes of src/greeting.ts").waitFor();
}

async function editTheFile({ keyboard }: Page) {
  await keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).fill("greet");
  await keyboard.press("Enter");
  await page.getByRole("textbox", { name: "src/greeting.ts" }).click();
  await keyboard.type("// mine\n");
  await keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).waitFor();
}

async function seeEveryPart({ keyboard }: Page) {
  await page.locator("[class*=keyword]").first().waitFor(); // the colours of the code in the answer
  await see("project", async (width) => {
    if (width === 390) await page.getByRole("button", { name: "Chat", exact: true }).click();
  });
  await keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).waitFor();
  await see("palette");
  await keyboard.press("Escape");
  await page.getByRole("heading", { name: "Shop" }).click();
  await keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await see("keys");
  await keyboard.press("Escape");
  await page.getByRole("button", { name: "Export, pull or download" }).click();
  await page.getByText("No GitHub account", { exact: false }).waitFor();
  await see("export");
  await keyboard.press("Escape");
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("link", { name: /Shop/ }).waitFor();
  await see("projects");
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("Repository on GitHub").waitFor();
  await see("import");
  await keyboard.press("Escape");
  await page.getByRole("button", { name: "From a prompt" }).click();
  await page.getByLabel("What is it to be?").waitFor();
  await see("prompt");
  await keyboard.press("Escape");
  await page.goBack();
}

async function undoAndBringBack({ keyboard }: Page) {
  await page.getByRole("button", { name: "Changes, undo" }).click();
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByRole("button", { name: "Take out" }).first().waitFor();
  await see("changes");
  await page.getByRole("button", { name: "Undo from here on" }).click();
  await page.getByText(/as before|left alone/).waitFor();
  await page.getByRole("button", { name: "Bring them back" }).click();
  await page.getByRole("button", { name: "Bring them back" }).waitFor({ state: "hidden" });
  await keyboard.press("Escape");
}

async function sayItOtherwise() {
  const before = page.url();
  await page.getByRole("button", { name: "Say it otherwise" }).click();
  await page.getByLabel("Message", { exact: true }).fill("write the greeting again");
  await see("edit");
  await page.getByRole("button", { name: "Send in a new conversation" }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByText("Done ·").waitFor();
}

async function stopAnAnswer({ keyboard }: Page) {
  const input = page.getByLabel("Message to the agent");
  await input.fill("tell a long story");
  await input.press("Enter");
  await page.getByText("Once upon").first().waitFor();
  await see("answering");
  await keyboard.press("Escape");
  await page.getByText("Stopped").first().waitFor();
}
