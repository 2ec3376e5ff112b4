// Connecting an account at GitHub by a code, beside an import, and letting it go beside an export. Whoever started it types the code in.
import { writeFile } from "node:fs/promises";
import { newProject, sit, type Sitting } from "./sitting.ts";

await sit(giveUp, connect, disconnect);

async function giveUp({ page }: Sitting) {
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByRole("button", { name: "By a code" }).click();
  await page.getByRole("button", { name: "Give up" }).click();
  await page.getByText("No GitHub account is connected.").waitFor();
}

async function connect({ page, folder, see }: Sitting) {
  await page.getByRole("button", { name: "By a code" }).click();
  await page.getByText("WDJB-MJHT").waitFor();
  await see("code");
  await writeFile(`${folder}/shown`, "");
  await page.getByText("As octo on GitHub.").waitFor();
  await see("connected");
  await page.keyboard.press("Escape");
}

async function disconnect(sitting: Sitting) {
  const { page } = sitting;
  await newProject(sitting, "Shop");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Export, pull or download" }).click();
  await page.getByText("As octo on GitHub.").waitFor();
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("No GitHub account is connected.").waitFor();
  await sitting.see("disconnected");
}
