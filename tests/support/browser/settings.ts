// The settings of a project: commands, a rule that is refused and mended, an MCP server with a mistake, a token; all of it after a reload; and the project is deleted and brought back.
import { newProject, say, sit, type Sitting } from "./sitting.ts";

await sit(
  (sitting) => newProject(sitting, "Shop"),
  (sitting) => say(sitting, "hello"),
  saveTheCommands,
  addARule,
  addAServer,
  makeAToken,
  findThemAgain,
  deleteAndUndo,
);

async function open({ page }: Sitting, part: string) {
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Settings of the project" }).click();
  await page.getByRole("button", { name: part, exact: true }).click();
}

async function saveTheCommands(sitting: Sitting) {
  const { page, see } = sitting;
  await open(sitting, "General");
  const commands = page.getByRole("form", { name: "Commands of the preview" });
  await commands.getByLabel("Start").fill("node server.js");
  await commands.getByRole("button", { name: "Save" }).click();
  await commands.getByText("Saved", { exact: true }).waitFor();
  const name = page.getByRole("form", { name: "Name" });
  await name.getByLabel("Name of the project").fill(" ");
  await name.getByRole("button", { name: "Save" }).click();
  await name.getByText("Project name is required").waitFor();
  await see("settings-general");
  await name.getByLabel("Name of the project").fill("Corner shop");
  await name.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Corner shop", includeHidden: true }).waitFor();
}

async function addARule({ page, see }: Sitting) {
  await page.getByRole("button", { name: "Approvals", exact: true }).click();
  await page.getByText("No rules: every call runs").waitFor();
  await page.getByRole("button", { name: "Add a rule" }).click();
  await page.getByLabel("Pattern of rule 1").fill("npm install *");
  await page.getByRole("button", { name: "Add a rule" }).click();
  await page.getByLabel("Tool of rule 2").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("A rule names a tool").waitFor();
  await page.keyboard.press("Escape"); // what was typed is still there
  await open({ page } as Sitting, "Approvals");
  await page.getByLabel("Tool of rule 2").fill("*File");
  await page.getByLabel("Pattern of rule 2").fill(".env*");
  await page.getByLabel("What rule 2 does").selectOption("deny");
  await page.getByRole("button", { name: "Move rule 2 up" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved", { exact: true }).waitFor();
  await see("settings-approvals");
}

async function addAServer({ page, see }: Sitting) {
  await page.getByRole("button", { name: "MCP", exact: true }).click();
  await page.getByRole("button", { name: "Add a program" }).click();
  await page.getByRole("button", { name: "Add an address" }).click();
  const text = page.getByLabel("As in a .mcp.json");
  const both = await text.inputValue();
  await text.fill(`${both},`);
  await page.getByText("This is no JSON").waitFor();
  await text.fill(both.replace('"url": "https://', '"url": "ftp://'));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").getByText("has to begin with https://").waitFor();
  await see("settings-mcp");
  await text.fill(both.replace('"env": {}', '"env": {"TOKEN": "s3cret"}'));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved", { exact: true }).waitFor();
}

async function makeAToken({ page, see }: Sitting) {
  await page.getByRole("button", { name: "Make a new token" }).click();
  await page.getByText(/^pmcp_/).waitFor();
  await see("settings-token");
  await page.getByRole("button", { name: "Withdraw the token" }).click();
  await page.getByText("There is no token any more").waitFor();
}

async function findThemAgain(sitting: Sitting) {
  const { page, see } = sitting;
  await page.reload();
  await open(sitting, "General");
  if ((await page.getByLabel("Start").inputValue()) !== "node server.js") throw new Error("the command is gone");
  await page.getByRole("button", { name: "Approvals", exact: true }).click();
  const rule = await page.getByLabel("Tool of rule 1").inputValue();
  const pattern = await page.getByLabel("Pattern of rule 2").inputValue();
  if (rule !== "*File" || pattern !== "npm install *") throw new Error(`other rules: ${rule} and ${pattern}`);
  await page.getByRole("button", { name: "MCP", exact: true }).click();
  await page.getByRole("listitem").getByText("npx -y name-of-the-package · TOKEN").waitFor();
  await page.getByRole("button", { name: "Remove remote" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved", { exact: true }).waitFor();
  if ((await page.getByLabel("As in a .mcp.json").inputValue()).includes("s3cret")) throw new Error("a secret is shown");
  await page.getByRole("button", { name: "Usage", exact: true }).click();
  await page.getByRole("rowheader", { name: "anthropic/" }).waitFor();
  await see("settings-usage");
}

async function deleteAndUndo({ page, see }: Sitting) {
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("button", { name: "Delete Corner shop" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("No projects yet").waitFor();
  await page.getByText("Corner shop was deleted.").waitFor();
  await see("projects-undo");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("link", { name: /Corner shop/ }).click();
  await page.getByRole("combobox", { name: "Conversation" }).selectOption({ index: 1 });
  await page.getByText("hello", { exact: true }).waitFor();
}
