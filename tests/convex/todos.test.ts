// @vitest-environment edge-runtime
// The model's plan: written with the result of a call, once, and never by an earlier call.
import { expect, test } from "vitest";
import { ANN, api, begin, complete, fail, KEY, refusal, send, USAGE } from "./backend.ts";
import { running } from "./running.ts";

type Running = Awaited<ReturnType<typeof running>>;
const item = (text: string, status: "pending" | "completed" = "pending") => ({ text, status });

async function turn({ b, messageId, epoch }: Running, number: number, ...ids: string[]) {
  const toolCalls = ids.map((toolCallId) => ({ toolCallId, name: "todo", argumentsJson: "{}" }));
  const parts = ids.map((toolCallId) => ({ type: "toolCall" as const, toolCallId }));
  const row = { turn: number, parts, stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] };
  await b.t.mutation(api.system.streaming.recordTurn, { internalKey: KEY, messageId, epoch, turn: row, toolCalls });
}

async function finish({ b, messageId, epoch }: Running, number: number, toolCallId: string, todos?: ReturnType<typeof item>[]) {
  const call = { internalKey: KEY, messageId, epoch, turn: number, toolCallId };
  await b.t.mutation(api.system.streaming.finishToolCall, { ...call, output: "ok", isError: false, edits: [], todos });
}

const plan = async ({ b, conversationId }: Running) => await b.ann.query(api.todos.get, { conversationId });
const texts = async (site: Running) => (await plan(site))?.items.map((each) => each.text);

test("each call replaces it; a call that is finished twice writes once", async () => {
  const site = await running();
  expect(await plan(site)).toBeNull();
  await turn(site, 0, "a");
  await finish(site, 0, "a", [item("look"), item("build")]);
  expect(await plan(site)).toMatchObject({ messageId: site.messageId, items: [item("look"), item("build")] });
  await turn(site, 1, "b", "c");
  await finish(site, 1, "b", [item("look", "completed")]);
  await finish(site, 0, "a", [item("look"), item("build")]);
  await finish(site, 1, "c");
  expect(await plan(site)).toMatchObject({ items: [item("look", "completed")] });
});

test("of two calls in one turn the second counts, whichever ends first", async () => {
  const site = await running();
  await turn(site, 0, "a", "b");
  await finish(site, 0, "b", [item("second")]);
  await finish(site, 0, "a", [item("first")]);
  expect(await texts(site)).toEqual(["second"]);
});

test("the next answer goes on with it; a retry of that brings back the one before", async () => {
  const site = await running();
  await turn(site, 0, "a");
  await finish(site, 0, "a", [item("old")]);
  await complete(site.b, site.messageId, site.epoch, "Done.");
  const next = await send(site.b, site.conversationId);
  expect(await texts(site)).toEqual(["old"]);
  const later = { ...site, ...next, ...(await begin(site.b, next.messageId)) };
  await turn(later, 0, "a");
  await finish(later, 0, "a", [item("new")]);
  expect(await texts(site)).toEqual(["new"]);
  await fail(site.b, next.messageId);
  const again = { internalKey: KEY, ownerId: ANN, messageId: next.messageId, policy: "cancel" as const, externalId: "again" };
  await site.b.t.mutation(api.system.messages.retry, again);
  expect(await texts(site)).toEqual(["old"]);
});

test("one that is too long, or of an attempt that was overtaken, is refused with the result", async () => {
  const site = await running();
  await turn(site, 0, "a");
  const long = finish(
    site,
    0,
    "a",
    Array.from({ length: 51 }, () => item("x")),
  );
  expect((await refusal(long)).code).toBe("plan_too_long");
  await begin(site.b, site.messageId);
  await expect(finish(site, 0, "a", [item("late")])).rejects.toThrow("later attempt");
  expect(await plan(site)).toBeNull();
});

test("it goes with its conversation", async () => {
  const site = await running();
  await turn(site, 0, "a");
  await finish(site, 0, "a", [item("gone")]);
  await complete(site.b, site.messageId, site.epoch, "Done.");
  await site.b.ann.mutation(api.conversations.remove, { id: site.conversationId });
  await site.b.t.finishAllScheduledFunctions(() => undefined);
  const rows = await site.b.t.run(async (ctx) => [
    ...(await ctx.db.query("todos").collect()),
    ...(await ctx.db.query("messages").collect()),
  ]);
  expect(rows).toEqual([]);
});
