// What the editor has to bear: a server that is killed, somebody else who mends the file, a language server that does not start, no
// model. Asks whoever started it to kill the server by a line on the standard output.
import { sit, type Sitting } from "./sitting.ts";

await sit(seeWhatIsWrong, goOnAfterAKill, seeWhatOthersMend, editALongLine, workWithoutAServer, workWithoutAModel);

async function seeWhatIsWrong({ page }: Sitting) {
  await page.getByRole("link", { name: /Sums/ }).click();
  await page.getByRole("treeitem", { name: "src", exact: true }).click();
  await page.getByRole("treeitem", { name: "use.ts" }).click();
  await page.getByRole("button", { name: "1 problem" }).waitFor();
}

async function goOnAfterAKill({ page }: Sitting) {
  console.log("kill");
  await page.getByRole("button", { name: "1 problem" }).waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "1 problem" }).waitFor({ timeout: 60_000 });
}

async function seeWhatOthersMend({ page }: Sitting) {
  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
    const path = `/api/projects/${location.pathname.split("/")[2]}/files/src/use.ts`;
    const content = 'import { add } from "./math";\n\nexport const mended: number = add(1, 2);\n';
    await fetch(path, { method: "PUT", headers, body: JSON.stringify({ content }) });
  });
  await page.getByRole("textbox", { name: "src/use.ts" }).getByText("mended").waitFor();
  await page.getByRole("button", { name: /problem/ }).waitFor({ state: "hidden" });
}

/** As long a text as is stored for an editor, in one line; and what is no text. */
async function editALongLine({ page }: Sitting) {
  await page.getByRole("treeitem", { name: "wide.ts" }).click();
  const wide = page.getByRole("textbox", { name: "wide.ts" });
  await wide.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("// mine\n");
  await page.keyboard.press("Control+s");
  await wide.getByText("// mine").waitFor();
  await page.getByText("Saved", { exact: true }).last().waitFor();
  await page.getByRole("treeitem", { name: "raw.bin" }).click();
  await page.getByText("raw.bin is no text").waitFor();
}

async function workWithoutAServer({ page, see }: Sitting) {
  await page.getByRole("treeitem", { name: "a.broken" }).click();
  await page.getByText("The editor works on without hints of broken.").waitFor({ timeout: 60_000 });
  await page.getByRole("textbox", { name: "a.broken" }).click();
  await page.keyboard.type("still ");
  await page.keyboard.press("Control+s");
  await page.getByText("Saved", { exact: true }).last().waitFor();
  await see("no-server");
}

async function workWithoutAModel({ page }: Sitting) {
  if ((await page.getByRole("button", { name: /^Suggestions/ }).count()) > 0) throw new Error("suggestions of no model");
  await page.getByRole("textbox", { name: "a.broken" }).focus();
  await page.keyboard.press("Control+i");
  await page.getByLabel("What is to become of it?").fill("anything");
  await page.keyboard.press("Enter");
  await page.getByText("No model is configured").waitFor();
}
