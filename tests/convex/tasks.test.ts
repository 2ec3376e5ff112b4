// @vitest-environment edge-runtime
// Sub-agents: one for each call, seen below it and in no list, and gone with the answer that has asked for it.
import { expect, test, vi } from "vitest";
import { ANN, api, append, begin, complete, fail, KEY, refusal, send, USAGE } from "./backend.ts";
import { cancel, running } from "./running.ts";

type Running = Awaited<ReturnType<typeof running>>;

async function calling(...ids: string[]) {
  const site = await running();
  await turn(site, ...ids);
  return site;
}

async function turn({ b, messageId, epoch }: Running, ...ids: string[]) {
  const toolCalls = ids.map((toolCallId) => ({ toolCallId, name: "task", argumentsJson: "{}" }));
  const parts = ids.map((toolCallId) => ({ type: "toolCall" as const, toolCallId }));
  const row = { turn: 0, parts, stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] };
  await b.t.mutation(api.system.streaming.recordTurn, { internalKey: KEY, messageId, epoch, turn: row, toolCalls });
}

async function open({ b, messageId, epoch }: Running, toolCallId = "a") {
  const task = { turn: 0, toolCallId, title: "Look", prompt: "Look at it." };
  return await b.t.mutation(api.system.tasks.open, { internalKey: KEY, messageId, epoch, ...task });
}

const tasks = async ({ b, messageId }: Running) => await b.ann.query(api.messages.tasks, { messageId });
const message = async ({ b }: Running, messageId: Running["messageId"]) => await b.ann.query(api.messages.get, { messageId });

test("a call has one, whose answer is read as any other; lists of conversations do not show it", async () => {
  const site = await calling("a", "b");
  const { b, projectId, conversationId } = site;
  const [a, second] = [await open(site), await open(site, "b")];
  expect(await open(site)).toBe(a);
  expect((await tasks(site)).map((each) => [each.toolCallId, each.messageId])).toEqual([
    ["a", a],
    ["b", second],
  ]);
  const cards = await b.ann.query(api.messages.toolCards, { messageId: site.messageId });
  expect(cards.cards.map(({ status }) => status)).toEqual(["running", "running"]);
  expect((await b.ann.query(api.conversations.getByProject, { projectId })).map(({ _id }) => _id)).toEqual([conversationId]);
  const page = { internalKey: KEY, ownerId: ANN, projectId, limit: 10 };
  expect((await b.t.query(api.system.conversations.list, page)).items).toHaveLength(1);
  const own = (await tasks(site))[0]?.conversationId ?? conversationId;
  expect((await b.ann.query(api.conversations.getMessages, { conversationId: own })).map(({ content }) => content)).toEqual([
    "Look at it.",
    "",
  ]);
  await expect(b.bob.query(api.messages.tasks, { messageId: site.messageId })).rejects.toThrow("Message not found");
});

test("nobody but its agent says something to it", async () => {
  const site = await calling("a");
  const child = await open(site);
  const conversationId = (await message(site, child)).conversationId;
  expect((await refusal(send(site.b, conversationId))).code).toBe("task_conversation");
  await fail(site.b, child);
  const again = { internalKey: KEY, ownerId: ANN, messageId: child, policy: "queue" as const, externalId: "again" };
  expect((await refusal(site.b.t.mutation(api.system.messages.retry, again))).code).toBe("task_conversation");
});

test("what it uses, asks and changes counts in the conversation of the call", async () => {
  const site = await calling("a");
  const { b, conversationId } = site;
  const child = await open(site);
  const { epoch } = await begin(b, child);
  await turn({ ...site, messageId: child, epoch }, "w");
  const ask = { turn: 0, toolCallId: "w", kind: "question" as const, question: "?", expiresAt: Date.now() + 1_000 };
  await b.t.mutation(api.system.asks.open, { internalKey: KEY, messageId: child, epoch, ask });
  expect((await b.ann.query(api.asks.list, { conversationId })).map((each) => each.messageId)).toEqual([child]);
  const edits = [{ kind: "write" as const, path: "a", size: 1, sha256: "h", text: "x", expectedSha256: "" }];
  const call = { internalKey: KEY, messageId: child, epoch, turn: 0, toolCallId: "w", output: "ok", isError: false };
  await b.t.mutation(api.system.streaming.finishToolCall, { ...call, edits });
  const checkpoints = await b.t.run(async (ctx) => await ctx.db.query("checkpoints").collect());
  expect(checkpoints.map((row) => row.conversationId)).toEqual([conversationId]);
  const day = new Date().toISOString().slice(0, 10);
  const usage = await b.ann.query(api.usage.summary, { conversationId, from: day, to: day, groupBy: "day" });
  expect(usage.total.requests).toBe(2);
});

test.each(["cancelled", "failed", "completed"] as const)("an answer that is %s ends those that are still at work", async (status) => {
  const site = await calling("a");
  const child = await open(site);
  const { epoch } = await begin(site.b, child);
  await append(site.b, child, epoch, [0, 0, "half"]);
  if (status === "cancelled") await cancel(site.b, site.messageId);
  if (status === "failed") await fail(site.b, site.messageId);
  if (status === "completed") await complete(site.b, site.messageId, site.epoch, "Done.");
  const ended = status === "completed" ? "cancelled" : status;
  expect(await message(site, child)).toMatchObject({ status: ended, content: "half" });
  await expect(begin(site.b, child)).rejects.toThrow("already");
});

test("all that runs in a project is cancelled at once, whichever comes first", async () => {
  const site = await calling("a", "b");
  await open(site);
  const second = await open(site, "b");
  const args = { internalKey: KEY, ownerId: ANN, projectId: site.projectId };
  expect(await site.b.t.mutation(api.system.messages.cancelProject, args)).toMatchObject({ hasMore: false });
  expect(await message(site, second)).toMatchObject({ status: "cancelled" });
});

test("an answer that is tried again has none of before", async () => {
  vi.useFakeTimers();
  try {
    const site = await calling("a");
    const { b, messageId } = site;
    const child = await open(site);
    await fail(b, messageId);
    const again = { internalKey: KEY, ownerId: ANN, messageId, policy: "queue" as const, externalId: "again" };
    await b.t.mutation(api.system.messages.retry, again);
    expect(await tasks(site)).toEqual([]);
    const later = { ...site, ...(await begin(b, messageId)) };
    await turn(later, "a");
    expect(await open(later)).not.toBe(child);
    await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
    expect(await tasks(later)).toHaveLength(1);
    await expect(message(site, child)).rejects.toThrow("Message not found");
  } finally {
    vi.useRealTimers();
  }
});

test("they go with the conversation", async () => {
  vi.useFakeTimers();
  try {
    const site = await calling("a");
    const { b, conversationId } = site;
    const child = await open(site);
    await begin(b, child);
    await b.t.mutation(api.system.conversations.remove, { internalKey: KEY, ownerId: ANN, conversationId });
    await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
    const left = await b.t.run(async (ctx) => [
      ...(await ctx.db.query("conversations").collect()),
      ...(await ctx.db.query("messages").collect()),
      ...(await ctx.db.query("generations").collect()),
    ]);
    expect(left).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});
