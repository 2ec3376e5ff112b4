// An operator at the events: finds one, sends one that its model refuses and one that it takes, sees what it has started.
import { newProject, say, sit, type Sitting } from "./sitting.ts";

await sit(makeAnEvent, findIt, sendOne, hearOfOne, seeAnErrorAsAnError);

async function makeAnEvent(sitting: Sitting) {
  const { page } = sitting;
  await newProject(sitting, "Shop");
  await say(sitting, "hello");
  await page.getByText("Done with it.").first().waitFor();
}

async function findIt({ page, see }: Sitting) {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find/ }).fill("Events");
  await page.keyboard.press("Enter");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("link", { name: /message\/sent/ }).waitFor();
  await see("events");
  await page.getByLabel("Name", { exact: true }).selectOption("conversation/title.wanted");
  await page.getByRole("link", { name: /message\/sent/ }).waitFor({ state: "hidden" });
  await page.getByLabel("Find by id", { exact: false }).fill("nothing has this in it");
  await page.getByText("No event is like that.").waitFor();
  await page.getByLabel("Find by id", { exact: false }).fill("");
  await page.getByRole("link", { name: /title\.wanted/ }).click();
  await page.getByRole("region", { name: "Started" }).getByRole("link").waitFor();
  await page.getByText("conversationId").waitFor();
  await see("event");
}

/** It begins with what its model has; the page says what does not fit, the server refuses it, and what it takes leads to its page. */
async function sendOne({ page, see }: Sitting) {
  const { origin } = new URL(page.url());
  await page.goto(`${origin}/events`);
  await page.getByRole("button", { name: "Send an event…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("conversation/title.wanted");
  const data = dialog.getByLabel("Data");
  await dialog.getByText("It fits its model.").waitFor();
  await data.fill('{"conversationId": 7}');
  await dialog.getByText("conversationId has to be a text.").waitFor();
  await dialog.getByRole("button", { name: "Send" }).click();
  await dialog.getByRole("alert").waitFor();
  await see("send");
  await data.fill('{"conversationId": "nothing"}');
  await dialog.getByRole("button", { name: "Send" }).click();
  await page.waitForURL(/\/events\/./);
  await page.getByRole("region", { name: "Started" }).getByText("title-conversation").first().waitFor();
  await page.getByRole("region", { name: "Started" }).getByRole("link").click();
  await page.getByRole("heading", { name: "title-conversation" }).waitFor();
  await page.getByRole("link", { name: "conversation/title.wanted" }).click();
  await page.getByRole("heading", { name: "conversation/title.wanted" }).waitFor();
}

/** The list hears by itself of one that came otherwise. */
async function hearOfOne({ page }: Sitting) {
  await page.getByRole("navigation").getByRole("link", { name: "Events" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${sessionStorage.getItem("polaris.token")}`, "Content-Type": "application/json" };
    await fetch("/api/events", { method: "POST", headers, body: JSON.stringify({ name: "heard/of", data: {} }) });
  });
  await page.getByRole("link", { name: /heard\/of.*started nothing/ }).waitFor();
}

/** An answer that does not come is no empty list. */
async function seeAnErrorAsAnError({ page }: Sitting) {
  const refused = { status: 503, contentType: "application/json", body: '{"error":"the database is away; try again","code":"away"}' };
  for (const [kind, none] of [
    ["events", /No event is like that|Nothing has been sent/],
    ["runs", /No run is like that|Nothing has run/],
  ] as const) {
    await page.route(new RegExp(`/api/${kind}\\?`), (route) => route.fulfill(refused));
    await page.goto(`${new URL(page.url()).origin}/${kind}?q=shop`);
    await page.getByRole("alert").getByText("the database is away").waitFor();
    if (await page.getByText(none).isVisible()) throw new Error(`an error of ${kind} is shown as an empty list`);
    await page.unroute(new RegExp(`/api/${kind}\\?`));
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("alert").getByText("the database is away").waitFor({ state: "hidden" });
  }
}
