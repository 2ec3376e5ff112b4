// Errors, nested calls, the scheduler, files, identities and HTTP actions, alike on the embedded server and under convex-test.
import { createHash } from "node:crypto";
import { ConvexHttpClient } from "convex/browser";
import type { Value } from "convex/values";
import { expect, test } from "vitest";
import { ADMIN_KEY } from "../server.ts";
import { forgedToken, token } from "../tokens.ts";
import { eventually } from "../waiting.ts";
import { api, internal } from "./convex/_generated/api.js";
import { type Backend, behaviour, deviation, embeddedOnly, embeddedUrl, errorData, refusal, serveBehaviours } from "./backends.ts";

serveBehaviours();

// -- errors and what they take back ---------------------------------------------------------------

const DATA: Value = { code: "no_room", left: 0, big: 7n, raw: new Uint8Array([1, 2]).buffer, list: [null, -0] };

behaviour(
  "a ConvexError carries its data out of queries, mutations and actions",
  async (b) => [
    await errorData(b.query(api.transactions.queryThrowsData, { data: DATA })),
    await errorData(b.mutation(api.transactions.throwsData, { data: DATA })),
    await errorData(b.action(api.transactions.actionThrowsData, { data: DATA })),
    await errorData(b.mutation(api.transactions.throwsData, { data: "a text" })),
  ],
  [DATA, DATA, DATA, "a text"],
);

behaviour(
  "a mutation that throws has written nothing",
  async (b) => [
    await refusal(b.mutation(api.transactions.writesThenThrows, {}), /after the write/),
    await errorData(b.mutation(api.transactions.throwsData, { data: 1 })),
    await b.query(api.transactions.balances, {}),
  ],
  ["refused", 1, {}],
);

behaviour(
  "a nested mutation that fails and is caught takes back only its own writes",
  async (b) => [await b.mutation(api.transactions.catchesNested, {}), await b.query(api.transactions.balances, {})],
  [
    { caught: { code: "inner", name: "taken back" }, seen: [2, 2] },
    { before: 1, kept: 1, after: 1 },
  ],
);

behaviour(
  "a nested mutation that fails and is not caught takes back everything",
  async (b) => [await errorData(b.mutation(api.transactions.passesNestedOn, {})), await b.query(api.transactions.balances, {})],
  [{ code: "inner", name: "inner" }, {}],
);

behaviour(
  "each call of an action is a transaction of its own",
  async (b) => [await b.action(api.transactions.actionOfSteps, {}), await b.query(api.transactions.balances, {})],
  [{ count: 1, caught: { code: "inner", name: "second" } }, { first: 1 }],
);

behaviour(
  "what an action has done stays when it throws",
  async (b) => [
    await refusal(b.action(api.transactions.actionThatThrows, {}), /after the mutation/),
    await b.query(api.transactions.balances, {}),
  ],
  ["refused", { stays: 1 }],
);

// -- the scheduler --------------------------------------------------------------------------------

const kindOf = async (b: Backend, id: never) => (await b.query(api.scheduling.state, { id }))?.kind;

behaviour(
  "scheduled mutations and actions run, and say so",
  async (b) => {
    const ids = [
      await b.mutation(api.scheduling.after, { key: "after", ms: 0, value: 7n }),
      await b.mutation(api.scheduling.at, { key: "at", inMs: 20 }),
      await b.mutation(api.scheduling.actionAfter, { key: "action" }),
      await b.action(api.scheduling.fromAction, { key: "from action" }),
    ];
    for (const id of ids)
      await eventually(
        () => kindOf(b, id as never),
        (kind) => kind === "success",
      );
    return Promise.all(["after", "at", "action", "from action"].map((key) => b.query(api.values.load, { key })));
  },
  [7n, "at", "action", "from an action"],
);

const LATER = { kind: "pending", args: [{ key: "later", value: { x: 1 } }], isDone: false };

deviation(
  "a scheduled function shows its name and arguments until it is done",
  async (b) => {
    const id = await b.mutation(api.scheduling.after, { key: "later", ms: 3_600_000, value: { x: 1 } });
    return b.query(api.scheduling.state, { id });
  },
  { convex: { ...LATER, name: "scheduling.js:note" }, convexTest: { ...LATER, name: "scheduling:note" } },
);

behaviour(
  "a cancelled function does not run",
  async (b) => {
    const id = await b.mutation(api.scheduling.after, { key: "never", ms: 20 });
    await b.mutation(api.scheduling.cancel, { id });
    const other = await b.mutation(api.scheduling.after, { key: "other", ms: 60 });
    await eventually(
      () => kindOf(b, other as never),
      (kind) => kind === "success",
    );
    return [await kindOf(b, id as never), await b.query(api.values.load, { key: "never" })];
  },
  ["canceled", null],
);

behaviour(
  "a scheduled mutation that throws is failed, once, and has written nothing",
  async (b) => {
    const id = await b.mutation(api.scheduling.failing, {});
    await eventually(
      () => kindOf(b, id as never),
      (kind) => kind === "failed",
    );
    return b.query(api.values.load, { key: "failed" });
  },
  null,
);

behaviour(
  "a mutation that throws has scheduled nothing",
  async (b) => {
    const before = await b.query(api.scheduling.pending, {});
    const failed = await refusal(b.mutation(api.scheduling.thenThrows, { key: "never" }), /nothing is scheduled/);
    return [failed, (await b.query(api.scheduling.pending, {})) - before];
  },
  ["refused", 0],
);

test("a cron runs again and again (embedded only)", { timeout: 15_000 }, async () => {
  const client = new ConvexHttpClient(embeddedUrl(), { logger: false });
  const before = await client.query(api.beats.count, {});
  const after = await eventually(
    () => client.query(api.beats.count, {}),
    (count) => count >= before + 4,
    8000,
  );
  expect(after % 2).toBe(0);
});

// -- files ----------------------------------------------------------------------------------------

const TEXT = "a file é";
const sha256 = createHash("sha256").update(TEXT).digest("hex");

behaviour(
  "an action stores a file, reads it, and deletes it",
  async (b) => {
    const id = await b.action(api.storage.put, { text: TEXT });
    const read = await b.action(api.storage.read, { id });
    const hasUrl = (await b.query(api.storage.url, { id })) !== null;
    const size = (await b.query(api.storage.describe, { id }))?.size;
    await b.mutation(api.storage.drop, { id });
    return {
      read,
      hasUrl,
      size,
      gone: [await b.action(api.storage.read, { id }), await b.query(api.storage.url, { id }), await b.query(api.storage.describe, { id })],
    };
  },
  { read: { text: TEXT, size: 9 }, hasUrl: true, size: 9, gone: [null, null, null] },
);

embeddedOnly(
  "a file has its size, type and hash in the system table and in its metadata",
  async (b) => {
    const id = await b.action(api.storage.put, { text: TEXT, type: "text/x-note" });
    const metadata = await b.query(api.storage.metadata, { id });
    return [await b.query(api.storage.describe, { id }), { ...metadata, storageId: metadata?.storageId === id }];
  },
  [
    { size: 9, sha256: Buffer.from(sha256, "hex").toString("base64"), contentType: "text/x-note" }, // base64, as Convex's own tests say
    { size: 9, sha256, contentType: "text/x-note", storageId: true },
  ],
);

embeddedOnly(
  "a file is uploaded to a URL and read from one, in part too",
  async (b) => {
    const upload = await fetch(await b.mutation(api.storage.uploadUrl, {}), {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: TEXT,
    });
    const { storageId } = (await upload.json()) as { storageId: never };
    const url = (await b.query(api.storage.url, { id: storageId }))!;
    const whole = await fetch(url);
    const part = await fetch(url, { headers: { range: "bytes=2-5" } });
    await b.mutation(api.storage.drop, { id: storageId });
    return {
      whole: [whole.status, whole.headers.get("content-type"), await whole.text()],
      part: [part.status, part.headers.get("content-range"), await part.text()],
      gone: (await fetch(url)).status,
    };
  },
  { whole: [200, "text/plain", TEXT], part: [206, "bytes 2-5/9", "file"], gone: 404 },
);

// -- identities -----------------------------------------------------------------------------------

const ADA = { subject: "ada", name: "Ada", email: "ada@example.test", role: "admin" };

behaviour(
  "a function knows who is asking",
  async (b) => {
    const ada = await b.as(ADA);
    return [await b.query(api.identity.me, {}), await ada.query(api.identity.me, {}), await ada.mutation(api.identity.subject, {})];
  },
  [null, { ...ADA, issuer: "https://issuer.test", tokenIdentifier: "https://issuer.test|ada" }, "ada"],
);

behaviour("the functions that an action calls know it too", async (b) => (await b.as(ADA)).action(api.identity.throughAction, {}), [
  "ada",
  "ada",
]);

test("forged, expired and malformed tokens are refused with 401 (embedded only)", async () => {
  for (const bad of [await forgedToken("ada"), await token("ada", {}, "-1m"), "nonsense"]) {
    const response = await fetch(`${embeddedUrl()}/api/query`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${bad}` },
      body: JSON.stringify({ path: "identity:me", args: {}, format: "json" }),
    });
    expect(response.status).toBe(401);
  }
});

test("internal functions are for the admin only (embedded only)", async () => {
  const stranger = new ConvexHttpClient(embeddedUrl(), { logger: false });
  await expect(stranger.query(internal.values.secret as never, {})).rejects.toThrow(/Could not find public function/);
  const admin = new ConvexHttpClient(embeddedUrl(), { logger: false });
  (admin as unknown as { setAdminAuth(key: string): void }).setAdminAuth(ADMIN_KEY);
  expect(await admin.query(internal.values.secret as never, {})).toBe("internal");
  (admin as unknown as { setAdminAuth(key: string): void }).setAdminAuth("another key");
  await expect(admin.query(internal.values.secret as never, {})).rejects.toThrow();
});

// -- HTTP actions ---------------------------------------------------------------------------------

behaviour(
  "an HTTP action reads a request and makes a response",
  async (b) => {
    const response = await b.fetch("/echo?q=1%202", { method: "POST", body: "body é", headers: { "x-test": "h" } });
    return [response.status, response.headers.get("x-answer"), response.headers.get("content-type"), await response.json()];
  },
  [201, "yes", "application/json", { body: "body é", query: "1 2", header: "h" }],
);

behaviour(
  "HTTP routes match exactly, by prefix and by method",
  async (b) => {
    const text = async (path: string) => (await b.fetch(path, { method: "GET" })).text();
    const status = async (path: string, method: string) => (await b.fetch(path, { method })).status;
    return [await text("/files/a/b.txt"), await status("/files", "GET"), await status("/nothing", "GET"), await status("/echo", "GET")];
  },
  ["/files/a/b.txt", 404, 404, 404],
);

behaviour(
  "an HTTP action runs mutations and queries, and gives bytes",
  async (b) => {
    await b.fetch("/balance?name=a", { method: "GET" });
    const balance = await (await b.fetch("/balance?name=a", { method: "GET" })).json();
    const bytes = new Uint8Array(await (await b.fetch("/bytes", { method: "GET" })).arrayBuffer());
    return { balance, bytes: [...bytes] };
  },
  { balance: 10, bytes: [0, 255, 10] },
);

behaviour("an HTTP action stores what it was sent", async (b) => (await b.fetch("/keep", { method: "POST", body: "kept é" })).json(), {
  text: "kept é",
  size: 7,
});

test("an HTTP action knows whose token it was sent (embedded only)", async () => {
  const me = async (headers: HeadersInit) => (await fetch(`${embeddedUrl()}/me`, { headers })).json();
  expect(await me({})).toBeNull();
  expect(await me({ authorization: `Bearer ${await token("ada")}` })).toBe("ada");
});

test("an HTTP action that throws answers 500 (embedded only)", async () => {
  expect((await fetch(`${embeddedUrl()}/throws`)).status).toBe(500);
});

test("HTTP actions are served under /http too, as self-hosted sites are (embedded only)", async () => {
  expect(await (await fetch(`${embeddedUrl()}/http/files/a.txt`)).text()).toBe("/files/a.txt");
});

test("the admin may act as a person (embedded only)", async () => {
  const client = new ConvexHttpClient(embeddedUrl(), { logger: false });
  const acting = client as unknown as { setAdminAuth(key: string, as: { subject: string; issuer: string }): void };
  acting.setAdminAuth(ADMIN_KEY, { subject: "bob", issuer: "https://issuer.test" });
  expect(await client.query(api.identity.me, {})).toMatchObject({ subject: "bob", tokenIdentifier: "https://issuer.test|bob" });
});
