// An engineer at the dashboard: `node runs.ts ADDRESS FOLDER`. Runs that work, invoke, wait, sleep, fail and are cancelled, as lists
// and as bars.
import { newProject, say, sit, type Sitting } from "./sitting.ts";

await sit(
  makeRuns,
  seeTheList,
  seeANewRun,
  seeASleep,
  seeAFailure,
  seeAnInvokedRun,
  seeAWait,
  cancelIt,
  runItAgain,
  replayIt,
  runAStepAgain,
  findTheSameInTheRun,
  replayAndCancelSeveral,
  pauseAJob,
  seeTheMetrics,
);

async function makeRuns(sitting: Sitting) {
  const { page } = sitting;
  await newProject(sitting, "Shop");
  await say(sitting, "hand it on");
  await page.getByText("Done with it.").first().waitFor();
  await say(sitting, "not at all");
  await page.getByRole("button", { name: "Try again" }).waitFor();
  await begin(sitting);
  await say(sitting, "ask me");
  await page.getByText("Which colour?").first().waitFor();
  await begin(sitting);
  await say(sitting, "take your time"); // the last one: the provider is left alone by all until then
  await page.getByText("it goes on by itself").waitFor();
}

async function begin({ page }: Sitting) {
  const before = page.url();
  await page.getByRole("button", { name: "Begin a conversation" }).click();
  await page.waitForURL((url) => url.href !== before);
}

async function seeTheList({ page, see }: Sitting) {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).fill("Runs");
  await page.keyboard.press("Enter");
  await page.getByText("Live", { exact: true }).waitFor();
  await page
    .getByRole("link", { name: /Running.*message/ })
    .first()
    .waitFor();
  await see("runs");
  await page.getByLabel("Find by id", { exact: false }).fill("nothing has this in it");
  await page.getByText("No run is like that.").waitFor();
  await page.getByLabel("Find by id", { exact: false }).fill("");
}

/** The list hears of it by itself, also after its stream has broken off: the next one has a token of its own. */
async function seeANewRun({ page }: Sitting) {
  const tokens: string[] = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === "/api/realtime") tokens.push(searchParams.get("token") ?? "");
  });
  const broken = { contentType: "text/event-stream", body: ": connected\n\n" };
  await page.getByRole("link", { name: "Jobs" }).click();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  await page.route("**/api/realtime?*", (route) => route.fulfill(broken), { times: 1 });
  await page.getByRole("link", { name: "Runs" }).click();
  const titles = page.getByRole("link", { name: /title-conversation/ });
  await page.getByText("Live", { exact: true }).waitFor();
  await titles.first().waitFor();
  const before = await titles.count();
  await page.evaluate(
    async (path) => {
      const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
      await fetch(`/api${path}/rerun`, { method: "POST", headers, body: "{}" });
    },
    await titles.first().getAttribute("href"),
  );
  await titles.nth(before).waitFor();
  if (new Set(tokens).size < 2) throw new Error(`no new token after a break: ${tokens.length} connections`);
}

async function open({ page }: Sitting, named: RegExp, nth = 0) {
  await page.getByRole("navigation").getByRole("link", { name: "Runs" }).click();
  await page.getByRole("link", { name: named }).nth(nth).click();
  await page.getByRole("listbox").waitFor();
}

async function seeAFailure(sitting: Sitting) {
  await open(sitting, /Failed ?process-message/);
  const { page } = sitting;
  await page
    .getByRole("region", { name: "Why it failed" })
    .getByText(/\.py:\d+ in /)
    .waitFor();
  await page.getByRole("option", { name: /Step, failed/ }).click();
  await page
    .getByRole("region", { name: "Error of the attempt" })
    .getByText(/\.py:\d+ in /)
    .waitFor();
  await sitting.see("failed-run");
}

async function seeAnInvokedRun(sitting: Sitting) {
  const { page } = sitting;
  await open(sitting, /Completed.*message\/sent/);
  await page.getByRole("option", { name: /Invoked run, completed/ }).click();
  await page.getByRole("region", { name: "Step" }).waitFor();
  await sitting.see("step");
  await page.getByRole("option", { name: /turn-0.*Step, completed, .* in, .* out/ }).click();
  await page.getByText(/^Answered by /).waitFor();
  await page.getByText("Models", { exact: true }).waitFor();
  await sitting.see("turn");
  await page.getByRole("option", { name: /Invoked run, completed/ }).click();
  await page
    .getByRole("region", { name: "Step" })
    .getByRole("link", { name: /invoke-0/ })
    .click();
  await page.getByRole("heading", { name: "run-task" }).waitFor();
}

/** Of the runs that have not ended, the one that was told to ask later. */
async function seeASleep(sitting: Sitting) {
  await open(sitting, /Running.*message\/sent/);
  await sitting.page.getByRole("option", { name: /Sleep, sleeping/ }).waitFor();
  await sitting.see("sleeping");
}

async function seeAWait(sitting: Sitting) {
  const { page } = sitting;
  await open(sitting, /Running.*message\/sent/, 1);
  await page.getByRole("option", { name: /Wait for an event, waiting/ }).waitFor();
  await sitting.see("waiting");
  const steps = page.getByRole("listbox");
  await steps.focus();
  for (const key of ["ArrowDown", "+", "+", "ArrowRight", "0", "Enter"]) await steps.press(key);
  await page.getByRole("region", { name: "Step" }).waitFor();
}

async function cancelIt({ page, see }: Sitting) {
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("Cancelled", { exact: true }).waitFor();
  await see("cancelled");
}

/** It leads to the new run. */
async function runItAgain({ page, see }: Sitting) {
  const before = page.url();
  await page.getByRole("button", { name: "Run again…" }).click();
  await page.getByLabel("Data of the event").waitFor();
  await see("again");
  await page.getByRole("button", { name: "Run again", exact: true }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByText("Repeats").waitFor();
}

async function replayIt(sitting: Sitting) {
  const { page } = sitting;
  await open(sitting, /Cancelled.*message\/sent/);
  const before = page.url();
  await page.getByRole("button", { name: "Replay" }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByText("Repeats").waitFor();
}

/** From a step on, with other data: the new run has that in its event. */
async function runAStepAgain(sitting: Sitting) {
  const { page } = sitting;
  await open(sitting, /Completed.*message\/sent/);
  const before = page.url();
  await page.getByRole("option", { name: /project-words/ }).click();
  await page.getByRole("button", { name: "Run again from here…" }).click();
  const data = page.getByLabel("Data of the event");
  await data.fill((await data.inputValue()).replace('"usesMcp": false', '"usesMcp": true'));
  await page.getByRole("button", { name: "Run again", exact: true }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByRole("region", { name: "Event message/sent" }).getByText('"usesMcp": true').waitFor();
}

/** What the list says of a run, its page says, too. */
async function findTheSameInTheRun({ page }: Sitting) {
  for (const status of ["Completed", "Failed", "Cancelled"]) {
    await page.getByRole("navigation").getByRole("link", { name: "Runs" }).click();
    const row = page.getByRole("link", { name: new RegExp(`^${status}`) }).last();
    const [job, took] = [await row.locator("b").textContent(), await row.locator("[class*=took]").textContent()];
    await row.click();
    await page.getByRole("heading", { name: job ?? "", level: 1 }).waitFor();
    await page.locator("header").getByText(status, { exact: true }).waitFor();
    await page
      .locator("dd")
      .getByText(took ?? "", { exact: true })
      .first()
      .waitFor();
  }
}

/** By keys alone: some of the list are chosen, it is asked how many are meant, and said what became of each. */
async function replayAndCancelSeveral({ page, see }: Sitting) {
  await page.getByRole("navigation").getByRole("link", { name: "Runs" }).click();
  const bar = page.getByRole("group", { name: "With several runs" });
  const dialog = page.getByRole("dialog");
  const list = page.getByRole("region", { name: "List of runs" });
  await list.getByRole("link", { name: /Failed/ }).waitFor();
  await list.getByRole("checkbox", { name: /process-message, failed/ }).focus();
  await page.keyboard.press("Space");
  await list.getByRole("checkbox", { name: /run-task, completed/ }).focus();
  await page.keyboard.press("Space");
  await bar.getByText("2 chosen").waitFor();
  await see("chosen");
  await bar.getByRole("button", { name: "Replay 1…" }).press("Enter");
  await dialog.getByRole("button", { name: "Replay 1 run" }).press("Enter");
  await dialog.getByText("1 run replayed.").waitFor();
  await see("replayed");
  await dialog.getByRole("link").click();
  await page.getByText("Repeats").waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "Runs" }).click();
  await page
    .getByRole("search")
    .getByRole("button", { name: /^Running/ })
    .click();
  await list.getByRole("link", { name: /Completed/ }).waitFor({ state: "hidden" });
  await list
    .getByRole("link", { name: /Running/ })
    .first()
    .waitFor();
  const offer = bar.getByRole("button", { name: /^Cancel [1-9]/ });
  const count = /\d+/.exec((await offer.textContent()) ?? "")?.[0];
  await offer.press("Enter");
  await dialog.getByRole("button", { name: /^Cancel \d+ run/ }).press("Enter");
  await dialog.getByText(`${count} run${count === "1" ? "" : "s"} cancelled.`).waitFor();
  await dialog.getByRole("button", { name: "Close" }).press("Enter");
  await page.getByText("No run is like that.").waitFor();
}

async function pauseAJob({ page, see }: Sitting) {
  await page.getByRole("link", { name: "Jobs" }).click();
  await page.getByRole("button", { name: "Pause run-task" }).click();
  await page.getByRole("button", { name: "Pause", exact: true }).last().click();
  await page.getByText("Paused since").waitFor();
  await see("jobs");
  await page.getByRole("button", { name: "Resume run-task" }).click();
  await page.getByText("Paused since").waitFor({ state: "hidden" });
}

async function seeTheMetrics({ page, see }: Sitting) {
  await page.getByRole("link", { name: "Metrics" }).click();
  await page.getByText("model_budget_spent").waitFor();
  await see("metrics");
}
