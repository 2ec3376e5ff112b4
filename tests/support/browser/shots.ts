// The pictures of the README: the sample project of the demo while the agent mends it, and the run of that. `node shots.ts ADDRESS
// FOLDER` writes ide.png and run.png from sample.zip in FOLDER.
import { say, sit, type Sitting } from "./sitting.ts";

const ASKED = "Splitting 10.00 between three people loses a cent. Make the shares add up again and add a test that shows it.";

await sit(importTheSample, inMidWork, theRun);

async function importTheSample({ page, folder }: Sitting) {
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("or an archive (zip, tar.gz)").setInputFiles(`${folder}/sample.zip`);
  await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
  await page.getByText("files imported.").waitFor();
  await page.getByRole("button", { name: "Open the project" }).click();
  await page.getByRole("treeitem", { name: "test", exact: true }).click();
}

async function inMidWork(sitting: Sitting) {
  const { page, folder } = sitting;
  await page.getByRole("treeitem", { name: "src", exact: true }).click();
  await page.getByRole("treeitem", { name: "money.ts" }).click();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await say(sitting, ASKED);
  await page.getByRole("button", { name: /^Edit src\/money.ts/ }).click();
  await page.getByLabel("Changes of src/money.ts").waitFor();
  await page.getByText("everybody gets").waitFor(); // the last words are being written
  await page.screenshot({ path: `${folder}/ide.png` });
  await page.getByText("Done ·").waitFor();
}

/** Its waterfall, with the first turn chosen. */
async function theRun({ page, folder }: Sitting) {
  await page.goto(`${new URL(page.url()).origin}/runs?job=process-message`);
  await page.getByRole("link", { name: /^Completed/ }).click();
  await page.getByRole("option", { name: /turn-0/ }).click();
  await page.getByText(/^Answered by /).waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${folder}/run.png` });
}
