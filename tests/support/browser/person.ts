// A person in Chromium: `node person.ts ADDRESS FOLDER`. Makes a project, sends, looks at card and diff, edits, stops;
// screenshots go to FOLDER. The last line says what was seen; whatever fails ends it with an error.
import chromium from "@sparticuz/chromium";
import { chromium as driver } from "playwright-core";

const [address = "", folder = ""] = process.argv.slice(2);
const browser = await driver.launch({
  executablePath: process.env["CHROMIUM"] ?? (await chromium.executablePath()),
  args: ["--no-sandbox", "--headless=shell"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const complaints: string[] = [];
page.on("console", (message) => {
  if (message.type() === "error") complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));
page.setDefaultTimeout(20_000);
try {
  await page.goto(address);
  await page.getByLabel("Name of a new project").fill("Shop");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "New conversation" }).click();
  const input = page.getByLabel("Message to the agent");
  await input.fill("write the greeting");
  await input.press("Enter");
  await page.getByText("Done ·").waitFor();
  const card = page.getByRole("button", { name: /^Write/ });
  await card.click();
  await page.getByLabel("Changes of src/greeting.ts").waitFor();
  await page.getByRole("button", { name: "src/greeting.ts" }).first().click();
  const editor = page.getByRole("textbox", { name: "src/greeting.ts" });
  await editor.click();
  await page.keyboard.type("// mine\n");
  await page.keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).waitFor();
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [1440, 1024, 390]) {
      await page.setViewportSize({ width, height: 844 });
      if (width === 390) await page.getByRole("button", { name: "Chat", exact: true }).click();
      await page.screenshot({ path: `${folder}/${scheme}-${width}.png` });
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await input.fill("tell a long story");
  await input.press("Enter");
  await page.getByText("Once upon").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Stopped").first().waitFor();
  const isTokenShown = page.url().includes("token");
  console.log(JSON.stringify({ complaints, isTokenShown }));
} catch (error) {
  await page.screenshot({ path: `${folder}/failed.png` });
  console.error(complaints.join("\n"));
  throw error;
} finally {
  await browser.close();
}
