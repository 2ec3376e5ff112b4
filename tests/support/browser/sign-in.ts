// Signing in at an OIDC issuer: refused, let in where one was, renewed, still in after a reload, out; and what can go wrong.
import { sit, type Sitting } from "./sitting.ts";

const TOKEN = "sessionStorage.getItem('polaris.token')";

await sit(
  beRefused,
  comeBackToWhereIWas,
  beRenewed,
  stayAfterAReload,
  renewATerminal,
  signOut,
  takeNoStrangersAnswer,
  comeBackAsSomebodyAsked,
  findItEnded,
  findTheIssuerAway,
);

async function beRefused({ page, see }: Sitting) {
  await page.getByRole("heading", { name: "Sign in to Polaris" }).waitFor();
  await see("sign-in");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "No" }).click();
  await page.getByRole("alert").getByText("you were not let in").waitFor();
}

async function comeBackToWhereIWas({ page }: Sitting) {
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Ada" }).click();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  if (!page.url().endsWith("/jobs?from=here")) throw new Error(`led to ${page.url()}`);
}

async function beRenewed({ page }: Sitting) {
  const before = await page.evaluate(TOKEN);
  for (const begun = Date.now(); (await page.evaluate(TOKEN)) === before; await page.waitForTimeout(100)) {
    if (Date.now() - begun > 20_000) throw new Error("the token is not renewed");
  }
}

async function stayAfterAReload({ page, see }: Sitting) {
  await page.goto(new URL("/", page.url()).href);
  await page.getByText("No projects yet").waitFor();
  await see("signed-in");
}

/** A terminal that was begun with a token which is over comes back with the page's next one. */
async function renewATerminal(sitting: Sitting) {
  const { page } = sitting;
  await page.evaluate(() => {
    const frame = document.createElement("iframe");
    frame.src = "/terminal";
    addEventListener("message", ({ source }) => {
      if (source !== frame.contentWindow) return;
      frame.contentWindow?.postMessage({ kind: "start", token: "over", projectId: "none", session: null }, location.origin);
    });
    document.body.append(frame);
  });
  const frame = page.frameLocator("iframe");
  await frame.getByText("does not take the token").waitFor();
  await beRenewed(sitting);
  await frame.getByRole("button", { name: "Try again" }).click();
  await frame.getByText("no such project").waitFor();
}

async function signOut({ page, see }: Sitting) {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Signed out" }).waitFor();
  const left = await page.evaluate("[sessionStorage.getItem('polaris.token'), sessionStorage.getItem('polaris.renewal')].join('')");
  if (left !== "") throw new Error("a token is left");
  await see("signed-out");
}

async function takeNoStrangersAnswer({ page }: Sitting) {
  await page.goto(new URL("/?code=stolen&state=guessed", page.url()).href);
  await page.getByRole("alert").getByText("belongs to no sign-in").waitFor();
  if (page.url().includes("stolen")) throw new Error("the code is left in the address");
  await page.goto(new URL("/?#token=a.strangers.token", page.url()).href);
  await page.getByRole("heading", { name: "Signed out" }).waitFor();
  if (page.url().includes("token")) throw new Error("a token is left in the address");
}

async function comeBackAsSomebodyAsked({ page }: Sitting) {
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Ada" }).click();
  await page.getByText("No projects yet").waitFor();
}

async function findItEnded({ page }: Sitting) {
  const over = `x.${btoa(JSON.stringify({ exp: 1 }))}.x`;
  await page.evaluate(`sessionStorage.removeItem('polaris.renewal'); sessionStorage.setItem('polaris.token', '${over}')`);
  await page.reload();
  await page.getByText("Your sign-in has ended").waitFor();
}

async function findTheIssuerAway({ page }: Sitting) {
  await page.route("**/.well-known/openid-configuration", (route) => route.abort());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("does not answer").waitFor();
}
