// A person before the page in Chromium: `node SCRIPT ADDRESS FOLDER`. Pictures go to FOLDER; the last line says what was seen.
import chromium from "@sparticuz/chromium";
import { chromium as driver, type Page } from "playwright-core";
import { look } from "./look.ts";

export interface Sitting {
  readonly page: Page;
  readonly folder: string;
  /** Takes pictures of what is there, and asks axe. */
  readonly see: (name: string, atWidth?: (width: number) => Promise<void>) => Promise<void>;
}

/** Opens ADDRESS and does these, one after the other. Whatever fails ends it, with a picture of where. */
export async function sit(...acts: ((sitting: Sitting) => Promise<void>)[]): Promise<void> {
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
  const see: Sitting["see"] = async (name, atWidth) => void violations.push(...(await look(page, folder, name, atWidth)));
  try {
    await page.goto(address);
    for (const act of acts) await act({ page, folder, see });
    console.log(JSON.stringify({ complaints, violations, isTokenShown: page.url().includes("token") }));
  } catch (error) {
    await page.screenshot({ path: `${folder}/failed.png` });
    console.error(complaints.join("\n"));
    throw error;
  } finally {
    await browser.close();
  }
}

export async function newProject({ page }: Sitting, name: string): Promise<void> {
  await page.getByLabel("Name of a new project").fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "New conversation" }).click();
}

export async function say({ page }: Sitting, text: string): Promise<void> {
  const input = page.getByLabel("Message to the agent");
  await input.fill(text);
  await input.press("Enter");
}
