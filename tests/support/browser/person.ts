// The main way: makes a project, sends, looks at card and diff, edits, undoes, says it otherwise, stops, and looks at every part.
import type { Page } from "playwright-core";
import { newProject, say, sit, type Sitting } from "./sitting.ts";

await sit(
  (sitting) => newProject(sitting, "Shop"),
  sendAndSeeTheDiff,
  editTheFile,
  seeEveryPart,
  undoAndBringBack,
  sayItOtherwise,
  stopAnAnswer,
);

async function sendAndSeeTheDiff(sitting: Sitting) {
  const { page } = sitting;
  await say(sitting, "write the greeting");
  await page.getByText("Done ·").waitFor();
  await page.getByRole("button", { name: /^Write/ }).click();
  await page.getByLabel("Changes of src/greeting.ts").waitFor();
}

async function editTheFile({ page }: Sitting) {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).fill("greet");
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "src/greeting.ts" }).click();
  await page.keyboard.type("// mine\n");
  await page.keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).waitFor();
}

async function seeEveryPart({ page, see }: Sitting) {
  await page.locator("[class*=keyword]").first().waitFor(); // the colours of the code in the answer
  await see("project", async (width) => {
    if (width === 390) await page.getByRole("button", { name: "Chat", exact: true }).click();
  });
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).waitFor();
  await see("palette");
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Shop" }).click();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await see("keys");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Export, pull or download" }).waitFor();
  await see("menu");
  await page.getByRole("button", { name: "Export, pull or download" }).click();
  await page.getByText("No GitHub account", { exact: false }).waitFor();
  await see("export");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("link", { name: /Shop/ }).waitFor();
  await see("projects");
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("Repository on GitHub").waitFor();
  await see("import");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "From a prompt" }).click();
  await page.getByLabel("What is it to be?").waitFor();
  await see("prompt");
  await page.keyboard.press("Escape");
  await page.goBack();
}

async function undoAndBringBack({ page, see }: Sitting) {
  await page.getByRole("button", { name: "Changes, undo" }).click();
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByRole("button", { name: "Take out" }).first().waitFor();
  await see("changes");
  await page.getByRole("button", { name: "Undo from here on" }).click();
  await page.getByText(/as before|left alone/).waitFor();
  await page.getByRole("button", { name: "Bring them back" }).click();
  await page.getByRole("button", { name: "Bring them back" }).waitFor({ state: "hidden" });
  await page.keyboard.press("Escape");
}

async function sayItOtherwise({ page, see }: Sitting) {
  const before = page.url();
  await page.getByRole("button", { name: "Say it otherwise" }).click();
  await page.getByLabel("Message", { exact: true }).fill("write the greeting again");
  await see("edit");
  await page.getByRole("button", { name: "Send in a new conversation" }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByText("Done ·").waitFor();
}

async function stopAnAnswer(sitting: Sitting) {
  const { page, see } = sitting;
  await say(sitting, "tell a long story");
  await page.getByText("Once upon").first().waitFor();
  await see("answering");
  await staysWhereTheyLook(page);
  await page.keyboard.press("Escape");
  await page.getByText("Stopped").first().waitFor();
}

/** At the end of an answer that grows, a person stays there; once they scroll up, nothing moves below their eyes. */
async function staysWhereTheyLook(page: Page) {
  const messages = page.getByRole("group", { name: "Messages" });
  const place = async () =>
    await messages.evaluate(({ scrollTop, scrollHeight, clientHeight }) => ({
      top: scrollTop,
      below: scrollHeight - scrollTop - clientHeight,
    }));
  await page.waitForFunction(() => (document.querySelector('[aria-label="Messages"]')?.scrollHeight ?? 0) > 1_500);
  const atEnd = await place();
  if (atEnd.below > 60) throw new Error(`${atEnd.below} pixels below the end of a growing answer`);
  await messages.hover();
  await page.mouse.wheel(0, -500);
  await page.waitForTimeout(300);
  const before = await place();
  await page.waitForTimeout(1_500);
  const after = await place();
  if (before.top >= atEnd.top || after.top !== before.top || after.below <= before.below) {
    throw new Error(`moved from ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
  }
}
