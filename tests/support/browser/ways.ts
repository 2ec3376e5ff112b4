// Other ways: asked by the agent, with files and images, by a message to a running answer, from an archive, from a prompt.
import { readFileSync } from "node:fs";
import { newProject, say, sit, type Sitting } from "./sitting.ts";

await sit(
  (sitting) => newProject(sitting, "Ways"),
  answerAQuestion,
  attach,
  steer,
  chooseABudget,
  moveFiles,
  renameAndDelete,
  importAnArchive,
  generate,
);

async function answerAQuestion(sitting: Sitting) {
  const { page, see } = sitting;
  await say(sitting, "ask me");
  await page.getByText("Waiting for you").waitFor();
  await see("question", async (width) => {
    if (width === 390) await page.getByRole("button", { name: "Chat", exact: true }).click();
  });
  await page.getByRole("button", { name: "blue", exact: true }).click();
  await page.getByText("Then it is blue.").waitFor();
  await page.getByText("“Which **colour**?”: blue").waitFor();
}

async function attach(sitting: Sitting) {
  const { page, folder, see } = sitting;
  await page.getByRole("button", { name: "New file" }).click();
  await page.getByLabel("Path of the file").fill("src/shop.ts");
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "src/shop.ts" }).waitFor();
  const input = page.getByLabel("Message to the agent");
  await input.pressSequentially("look at @shop");
  await page.getByRole("option", { name: "src/shop.ts" }).waitFor();
  await input.press("Enter");
  await page.getByLabel("Images to attach").setInputFiles(`${folder}/question-dark-390.png`);
  await page.getByRole("button", { name: "Do not attach question-dark-390.png" }).waitFor();
  await input.pressSequentially("and the picture");
  await input.press("Enter");
  await page
    .getByRole("button", { name: /^src\/shop.ts$/ })
    .last()
    .waitFor();
  const image = page.getByRole("img", { name: "question-dark-390.png" });
  await image.waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("img")].every(({ naturalWidth }) => naturalWidth > 0));
  await page.getByText("Done ·").last().waitFor();
  await see("attached");
}

async function steer(sitting: Sitting) {
  const { page } = sitting;
  await say(sitting, "tell a long story");
  await page.getByText("Once upon").first().waitFor();
  await say(sitting, "make it shorter");
  await page.getByText("said while it was answering").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped").first().waitFor();
}

async function chooseABudget({ page, see }: Sitting) {
  await page.getByTitle("What this conversation may take").click();
  await page.getByLabel("Tokens").fill("1000000");
  await see("budget");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByText("of 1.0M").waitFor();
}

async function moveFiles({ page, folder }: Sitting) {
  await page.getByLabel("Files to upload").setInputFiles(`${folder}/shop.zip`);
  const uploaded = page.getByRole("treeitem", { name: "shop.zip" });
  await uploaded.waitFor(); // beside the file that is chosen
  await page.getByRole("button", { name: "New folder" }).click();
  await page.getByLabel("Path of the folder").fill("archives");
  await page.keyboard.press("Enter");
  const archives = page.getByRole("treeitem", { name: "archives" });
  await archives.waitFor(); // rows move as it comes
  await uploaded.dragTo(archives);
  await uploaded.waitFor({ state: "hidden" });
  await archives.click();
  await page.getByRole("treeitem", { name: "shop.zip" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByText("is no text").getByRole("button", { name: "Download" }).click(),
  ]);
  const [sent, got] = [readFileSync(`${folder}/shop.zip`), readFileSync(await download.path())];
  if (!sent.equals(got)) throw new Error("what was downloaded is not what was uploaded");
}

async function renameAndDelete({ page }: Sitting) {
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Rename the conversation" }).click();
  await page.getByLabel("Title").fill("About colours");
  await page.keyboard.press("Enter");
  await page.getByRole("option", { name: "About colours" }).waitFor({ state: "attached" });
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Delete the conversation" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Choose a conversation, or begin one.").waitFor();
  await page.getByRole("option", { name: "About colours" }).waitFor({ state: "detached" });
}

async function importAnArchive({ page, folder, see }: Sitting) {
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("or an archive (zip, tar.gz)").setInputFiles(`${folder}/shop.zip`);
  await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
  await page.getByText("2 files imported.").waitFor();
  await page.getByText("1 file left out").click();
  await page.getByText("outside.txt").waitFor();
  await see("imported");
  await page.getByRole("button", { name: "Open the project" }).click();
  await page.getByRole("treeitem", { name: /^(shop|index.ts)$/ }).waitFor();
}

async function generate({ page, see }: Sitting) {
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("button", { name: "From a prompt" }).click();
  await page.getByLabel("What is it to be?").fill("A library that counts bicycles");
  await page.getByRole("button", { name: "Generate" }).click();
  const strip = page.getByRole("region", { name: "Generation of the project" });
  await strip.waitFor();
  await strip.getByRole("button").first().click();
  await page.getByText("notes.md", { exact: false }).first().waitFor();
  await see("generating");
  await page.getByText(/^Generated, /).waitFor({ timeout: 90_000 });
  await see("generated");
}
