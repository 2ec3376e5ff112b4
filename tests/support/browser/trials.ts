// What the page has to bear: texts that want to be scripts, a reload and a killed server in the middle of an answer, an address
// that leads to nothing of this person's. Asks whoever started it to kill the server by a line on the standard output.
import { readFileSync } from "node:fs";
import { newProject, say, sit, type Sitting } from "./sitting.ts";

const EVIL = `<img src=x onerror="globalThis.ran=1"><script>globalThis.ran=1</script><svg onload="globalThis.ran=1">`;

await sit(runNoScripts, goOnAfterAReload, findNothingOfOthers, askForAnApproval, goOnAfterAKill);

async function runNoScripts(sitting: Sitting) {
  const { page } = sitting;
  await newProject(sitting, EVIL.slice(0, 90));
  const projectId = new URL(page.url()).pathname.split("/")[2];
  await page.evaluate(
    async ([id, evil]) => {
      const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
      const path = encodeURIComponent("<img src=x onerror=ran=1>.md");
      await fetch(`/api/projects/${id}/files/${path}`, { method: "PUT", headers, body: JSON.stringify({ content: evil }) });
    },
    [projectId, EVIL] as const,
  );
  await page.getByRole("treeitem", { name: "onerror" }).click();
  await page.getByRole("textbox", { name: /onerror/ }).waitFor();
  await say(sitting, `repeat ${EVIL}`);
  await page.getByText("Done ·").waitFor();
  await page.getByText("a link that runs").waitFor();
  await page.getByRole("button", { name: /^Write/ }).click();
  await page.getByText("Successfully wrote").waitFor();
  if (await page.evaluate("globalThis.ran")) throw new Error("a script of a text has run");
  if ((await page.locator('a[href^="javascript:"], a[href^="data:"]').count()) > 0) throw new Error("a link that runs a script");
}

async function goOnAfterAReload(sitting: Sitting) {
  const { page } = sitting;
  await say(sitting, "tell a long story");
  await page.getByText("Once upon").first().waitFor();
  const before = await lengthOf(sitting);
  await page.reload();
  await page.getByText("Once upon").first().waitFor();
  await page.waitForFunction((least) => (document.querySelector('[aria-busy="true"]')?.textContent?.length ?? 0) > least, before + 100);
}

async function lengthOf({ page }: Sitting): Promise<number> {
  return await page.evaluate(() => document.querySelector('[aria-busy="true"]')?.textContent?.length ?? 0);
}

async function findNothingOfOthers({ page }: Sitting) {
  const here = page.url();
  await page.goto(`${new URL(here).origin}/p/j57nobodysprojectnobodysprojectno`);
  await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
  await page.goto(here);
  await page.getByText("Once upon").first().waitFor();
}

async function askForAnApproval(sitting: Sitting) {
  const { page, see } = sitting;
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped").first().waitFor();
  await page.evaluate(async (id) => {
    const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ approvals: [{ tool: "writeFile", policy: "ask" }] });
    const answer = await fetch(`/api/projects/${id}/settings`, { method: "PATCH", headers, body });
    if (!answer.ok) throw new Error(await answer.text());
  }, new URL(page.url()).pathname.split("/")[2]);
  await say(sitting, "write the greeting");
  await page.getByText(/^May it run\?/).waitFor();
  await see("approval", async (width) => {
    if (width === 390) await page.getByRole("button", { name: "Chat", exact: true }).click();
  });
  await page.getByRole("button", { name: "Allow once" }).click();
  await page.getByText("you allowed it").waitFor();
  await page.getByText("Done ·").last().waitFor();
}

/** The server dies in the middle, another one goes on, and the page finds it without being touched. */
async function goOnAfterAKill(sitting: Sitting) {
  const { page, folder } = sitting;
  await say(sitting, "tell a short story");
  await page.getByText("There was a bicycle").last().waitFor();
  console.log("kill");
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null, undefined, { timeout: 90_000 });
  await page.getByText("the end of the story").waitFor();
  readFileSync(`${folder}/killed`); // it was
}
