// A person in the editor: sees what is wrong, goes to a definition, mends it, searches, takes a suggestion, has a line rewritten.
import type { Locator } from "playwright-core";
import { sit, type Sitting } from "./sitting.ts";

await sit(openTheFile, seeWhatIsWrong, askWhatItIs, goToTheDefinition, mendIt, complete, search, takeASuggestion, rewrite, findAndRename);

function editorOf({ page }: Sitting, path: string): Locator {
  return page.getByRole("textbox", { name: path });
}

async function openTheFile(sitting: Sitting) {
  const { page } = sitting;
  await page.getByRole("link", { name: /Sums/ }).click();
  await page.getByRole("treeitem", { name: "src", exact: true }).click();
  await page.getByRole("treeitem", { name: "use.ts" }).click();
  await editorOf(sitting, "src/use.ts").click();
}

function showEditor({ page }: Sitting): (width: number) => Promise<void> {
  return async (width) => {
    if (width === 390) await page.getByRole("button", { name: "Editor", exact: true }).click();
  };
}

/** More of the same looks, which take their time. */
async function seeThoroughly(see: Sitting["see"], ...what: Parameters<Sitting["see"]>) {
  if (process.env["THOROUGH"] !== undefined) await see(...what);
}

async function seeWhatIsWrong(sitting: Sitting) {
  const { page, see } = sitting;
  await page.getByRole("button", { name: "1 problem" }).click();
  await page.getByText("is not assignable to parameter").waitFor();
  await see("problems", showEditor(sitting));
  await page.keyboard.press("Escape");
}

function called(sitting: Sitting): Locator {
  return editorOf(sitting, "src/use.ts").getByText("add", { exact: true }).last();
}

async function askWhatItIs(sitting: Sitting) {
  const { page, see } = sitting;
  await called(sitting).hover();
  await page.locator(".cm-lsp-hover-tooltip").getByText("both").waitFor();
  const images = await page.locator(".cm-lsp-hover-tooltip img").count();
  if (images > 0) throw new Error("a comment has put an image into the page");
  await seeThoroughly(see, "hover");
}

async function goToTheDefinition(sitting: Sitting) {
  const { page } = sitting;
  await called(sitting).click({ modifiers: ["Control"] });
  const math = editorOf(sitting, "src/math.ts");
  await math.waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "src/math.ts");
  await page.locator(".cm-activeLine").getByText("function", { exact: true }).waitFor();
}

async function mendIt(sitting: Sitting) {
  const { page } = sitting;
  await page.getByRole("button", { name: "use.ts", exact: true }).click();
  const use = editorOf(sitting, "src/use.ts");
  await use.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("End");
  for (let times = 0; times < 5; times += 1) await page.keyboard.press("Backspace");
  await page.keyboard.type("2);");
  await page.getByRole("button", { name: /problem/ }).waitFor({ state: "hidden" });
  await page.keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).first().waitFor();
}

async function complete(sitting: Sitting) {
  const { page, folder } = sitting;
  await page.keyboard.press("Control+End");
  await page.keyboard.type("tot");
  await page.getByRole("option", { name: /^total/ }).waitFor();
  await page.getByRole("button", { name: "1 problem" }).waitFor(); // typed on while it was saved: that is of nobody else
  await page.screenshot({ path: `${folder}/completion.png` }); // axe asks for a list that takes the focus: the editor keeps it
  await page.getByRole("option", { name: /^total/ }).click();
  await page.locator(".cm-activeLine").getByText("total", { exact: true }).waitFor();
  await page.keyboard.press("Shift+Home");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).first().waitFor();
}

async function search(sitting: Sitting) {
  const { page, see } = sitting;
  await page.keyboard.press("Control+Shift+f");
  const input = page.getByRole("combobox", { name: "Search in the files" });
  await input.fill("a + b");
  await page.getByText("1 line in 1 file.").waitFor();
  await input.fill("(");
  await page.getByRole("button", { name: "Regular expression" }).click();
  await page.getByText("This is no regular expression here").waitFor();
  await input.fill("num.er|x{9}");
  await page.getByText(/lines in 3 files/).waitFor();
  await see("search");
  await page.getByLabel("Only in files like").fill("*th.ts");
  await page.getByText("1 line in 1 file.").waitFor();
  await page.keyboard.press("Enter");
  await editorOf(sitting, "src/math.ts").waitFor();
}

async function takeASuggestion(sitting: Sitting) {
  const { page, see } = sitting;
  await page.getByRole("button", { name: "use.ts", exact: true }).click();
  const use = editorOf(sitting, "src/use.ts");
  await use.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("export const ");
  await page.locator(".cm-suggestion").waitFor();
  await seeThoroughly(see, "suggestion", showEditor(sitting));
  await use.focus();
  await page.keyboard.press("Tab");
  await use.getByText("half = total / 2;").waitFor();
}

async function rewrite(sitting: Sitting) {
  const { page, see } = sitting;
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Control+i");
  await page.getByLabel("What is to become of it?").fill("call it a sum");
  await seeThoroughly(see, "rewrite");
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Differences in src/use.ts" }).waitFor();
  await see("proposal");
  await page.getByRole("button", { name: "Use this text" }).click();
  await editorOf(sitting, "src/use.ts").getByText("sum: number").waitFor();
}

async function findAndRename(sitting: Sitting) {
  const { page, see } = sitting;
  await page.getByRole("button", { name: "Close math.ts" }).click();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).fill("use.ts");
  await page.keyboard.press("Enter");
  const use = editorOf(sitting, "src/use.ts");
  await use.focus();
  await page.keyboard.press("Control+Home");
  for (let times = 0; times < 9; times += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+F12");
  await page.getByRole("heading", { name: "3 uses of add" }).waitFor();
  await page.getByRole("option", { name: "export function add" }).waitFor();
  await see("uses");
  await page.keyboard.press("PageDown");
  await page.keyboard.press("Enter"); // the last one is where it is defined
  const math = editorOf(sitting, "src/math.ts");
  await math.waitFor();
  await page.getByRole("button", { name: "Close use.ts" }).click();
  await page.getByRole("button", { name: "Close without saving" }).click();
  await math.focus();
  for (let times = 0; times < 17; times += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("F2");
  await page.getByLabel("New name").fill("plus");
  await page.keyboard.press("Enter");
  await page.getByText("1 other file is saved with the new name.").waitFor();
  await math.getByText("plus", { exact: true }).waitFor();
  await page.getByRole("treeitem", { name: "use.ts" }).click();
  await editorOf(sitting, "src/use.ts").getByText("plus").first().waitFor();
}
