// @vitest-environment happy-dom
// The page of /docs in a browser's document: what it makes of an OpenAPI document, and what it sends.
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const FOLDER = path.join(import.meta.dirname, "../../../app/http/docs_page");
const DOCUMENT = {
  info: { description: "What it is" },
  components: {
    schemas: {
      NewThing: {
        properties: {
          name: { type: "string", examples: ["<b>shop</b>"], description: "What people call it" },
          below: { anyOf: [{ $ref: "#/components/schemas/NewThing" }, { type: "null" }] },
        },
        required: ["name"],
      },
    },
  },
  paths: {
    "/api/things/{thing_id}": {
      put: {
        tags: ["things"],
        description: "Make <i>one</i>.",
        parameters: [
          { name: "thing_id", in: "path", required: true, schema: { type: "string" } },
          { name: "limit", in: "query", schema: { type: "integer" } },
        ],
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/NewThing" } } } },
        responses: { "201": { description: "Made" } },
      },
    },
  },
};

function shownPage(): void {
  const page = fs.readFileSync(path.join(FOLDER, "page.html"), "utf8");
  document.body.innerHTML = /<body>(.*)<script/s.exec(page)?.[1] ?? "";
  // oxlint-disable-next-line typescript/no-implied-eval -- the page's own script, as a browser runs it
  new Function(fs.readFileSync(path.join(FOLDER, "page.js"), "utf8"))();
}

function one<T extends Element>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (found === null) throw new Error(`no ${selector}`);
  return found;
}

test("routes are shown as text, and a request is sent with the token and the body", async () => {
  const sent: { url: string; init: RequestInit | undefined }[] = [];
  globalThis.fetch = (url, init) => {
    sent.push({ url: String(url), init });
    return Promise.resolve(Response.json(sent.length === 1 ? DOCUMENT : { ok: true }, { status: sent.length === 1 ? 200 : 201 }));
  };
  shownPage();
  await expect.poll(() => document.querySelectorAll("details.route").length).toBe(1);
  expect(one("#description").textContent).toBe("What it is");
  expect(one("h2").textContent).toBe("things");
  expect(one(".note").textContent).toBe("Make <i>one</i>.");
  expect(one(".route pre").textContent).toContain("name: string // What people call it");
  expect(one<HTMLTextAreaElement>("textarea").value).toContain('"name": "<b>shop</b>"');
  expect(document.querySelectorAll("#routes b, #routes i")).toHaveLength(0);

  one<HTMLInputElement>("#token").value = " a.b.c ";
  const [id, limit] = document.querySelectorAll<HTMLInputElement>(".route input");
  if (id === undefined || limit === undefined) throw new Error("no fields");
  id.value = "a b/c?";
  limit.value = "3";
  one<HTMLButtonElement>("button").click();
  await expect.poll(() => sent.length).toBe(2);
  expect(sent[1]?.url).toBe("/api/things/a%20b/c%3F?limit=3");
  expect(sent[1]?.init?.method).toBe("PUT");
  expect(sent[1]?.init?.headers).toEqual({ Authorization: "Bearer a.b.c", "Content-Type": "application/json" });
  await expect.poll(() => one("button + pre").textContent).toContain('"ok": true');
});
