// @vitest-environment edge-runtime
// A message edited: what came before it is copied into a conversation of its own, which answers the edited one.
import { expect, test, vi } from "vitest";
import { ANN, api, type Backend, begin, BOB, complete, fail, KEY, refusal, send, USAGE } from "./backend.ts";
import { cancel, running } from "./running.ts";

type Edit = { content?: string; externalId?: string; ownerId?: string };

async function step({ t }: Backend, messageId: string, edit: Edit = {}) {
  const args = { internalKey: KEY, ownerId: ANN, messageId, content: "edited", externalId: "e1", ...edit };
  return (await t.mutation(api.system.forking.edit, args)).sent;
}

async function edited(b: Backend, messageId: string, edit: Edit = {}) {
  for (let steps = 1; ; steps++) {
    const sent = await step(b, messageId, edit);
    if (sent) return { ...sent, steps };
  }
}

async function said({ t }: Backend, conversationId: string) {
  const args = { internalKey: KEY, ownerId: ANN, conversationId, limit: 100 };
  const { items } = await t.query(api.system.messages.list, args);
  return items.reverse().map(({ order, role, content, status }) => [order, role, content || status]);
}

async function conversations({ ann }: Backend, projectId: Awaited<ReturnType<typeof running>>["projectId"]) {
  return await ann.query(api.conversations.getByProject, { projectId });
}

/** A conversation of two answers, of which the first has called a tool and was told something meanwhile. */
async function story() {
  const r = await running();
  const { b, conversationId, messageId, epoch } = r;
  const lease = { internalKey: KEY, messageId, epoch };
  const { userMessageId: steer } = await send(b, conversationId, { content: "in French", policy: "steer" });
  const parts = [{ type: "toolCall" as const, toolCallId: "c" }];
  const turn = { turn: 0, parts, stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] };
  const toolCalls = [{ toolCallId: "c", name: "readFile", argumentsJson: "{}" }];
  await b.t.mutation(api.system.streaming.recordTurn, { ...lease, turn, toolCalls, told: [steer] });
  const result = { ...lease, turn: 0, toolCallId: "c", output: "a", isError: false, edits: [] };
  const exit = { type: "exit" as const, code: 0, tookS: 1 };
  await b.t.mutation(api.system.streaming.finishToolCall, { ...result, parts: [exit] });
  const condensed = { turn: 0, beforeOrder: 0, turns: 0, text: "short", model: "m", usage: USAGE };
  await b.t.mutation(api.system.streaming.condense, { ...lease, condensed });
  await complete(b, messageId, epoch, "bonjour");
  const second = await send(b, conversationId, { content: "second", externalId: "k2" });
  return { ...r, second, exit };
}

test("the new conversation holds what came before, and answers the edited message", async () => {
  const { b, projectId, conversationId, second } = await story();
  await complete(b, second.messageId, (await begin(b, second.messageId)).epoch, "fait");
  const before = await said(b, conversationId);
  const sent = await edited(b, second.userMessageId);
  expect(sent.events).toMatchObject([{ eventId: sent.messageId, name: "message/sent", userId: ANN }]);
  expect(await said(b, sent.conversationId)).toEqual([
    [0, "user", "hello"],
    [1, "assistant", "bonjour"],
    [2, "user", "in French"],
    [3, "user", "edited"],
    [4, "assistant", "processing"],
  ]);
  expect(await said(b, conversationId), "the old one is as it was").toEqual(before);
  expect((await conversations(b, projectId)).map((row) => [row._id, row.title, row.editedFrom])).toEqual([
    [sent.conversationId, "First", second.userMessageId],
    [conversationId, "First", undefined],
  ]);
});

test("a run is told the same of the copies as of what was copied", async () => {
  const { b, conversationId, messageId, second, exit } = await story();
  const sent = await edited(b, second.userMessageId);
  const context = async (id: string) => await b.t.query(api.system.messages.context, { internalKey: KEY, messageId: id, maxChars: 10_000 });
  const [then, now] = [await context(second.messageId), await context(sent.messageId)];
  const told = ({ history }: typeof then) =>
    history.map(({ message, turns, toolCalls, steers }) => [
      message.order,
      message.content,
      turns,
      toolCalls.map((call) => ({ ...call, messageId: "" })),
      steers.map((steer) => [steer.content, steer.toldIn]),
    ]);
  expect(told(now).slice(0, -1)).toEqual(told(then).slice(0, -1));
  const copy = now.history[1]!.message.messageId;
  expect(copy).not.toBe(messageId);
  expect(now.condensed).toEqual({ ...then.condensed, messageId: copy });
  expect(await b.ann.query(api.messages.resultParts, { messageId: copy, turn: 0, toolCallId: "c" })).toEqual([exit]);
  await b.ann.mutation(api.conversations.remove, { id: conversationId });
  vi.useFakeTimers();
  await b.t.finishAllScheduledFunctions(vi.runAllTimers);
  vi.useRealTimers();
  expect(told(await context(sent.messageId)), "whatever becomes of the old one").toEqual(told(now));
});

test("plan, model and whole outputs are those of the old one", async () => {
  const { b, conversationId, messageId, second } = await story();
  await b.t.run(async (ctx) => {
    const storageId = await ctx.storage.store(new Blob(["all of it"]));
    await ctx.db.insert("resultImages", { messageId, storageId, handle: "h1" });
    await ctx.db.insert("todos", { conversationId, messageId, turn: 0, index: 0, items: [], updatedAt: 1 });
    await ctx.db.patch(conversationId, { model: "small" });
  });
  const sent = await edited(b, second.userMessageId);
  expect(sent.events[0]!.data.model).toBe("small");
  for (const id of [second.messageId, sent.messageId]) {
    const args = { internalKey: KEY, messageId: id, handle: "h1" };
    expect(await b.t.query(api.system.messages.fullText, args)).toMatch(/^http/);
  }
  const plans = await b.t.run(async (ctx) => await ctx.db.query("todos").collect());
  expect(plans.map((plan) => plan.conversationId)).toEqual([conversationId, sent.conversationId]);
});

test("edited twice with one key it is answered once", async () => {
  const { b, second } = await story();
  const first = await edited(b, second.userMessageId);
  expect(await edited(b, second.userMessageId)).toMatchObject({ messageId: first.messageId, isDuplicate: true });
  expect((await refusal(edited(b, second.userMessageId, { content: "else" }))).code).toBe("idempotency_key_reused");
  const asked = (await b.t.query(api.system.messages.context, { internalKey: KEY, messageId: first.messageId, maxChars: 9 })).history;
  expect((await refusal(edited(b, asked.at(-1)!.message.messageId))).code).toBe("idempotency_key_reused");
});

test("a long conversation is copied bit by bit, and is hidden until it is whole", async () => {
  const { b, projectId, conversationId } = await running();
  await b.t.run(async (ctx) => {
    for (let order = 2; order < 252; order += 1) {
      const row = { conversationId, projectId, order, startedAt: 0, content: "x".repeat(30_000) };
      await ctx.db.insert("messages", order % 2 ? { ...row, role: "assistant", status: "completed" } : { ...row, role: "user" });
    }
  });
  const last = await send(b, conversationId, { content: "last" });
  expect(await step(b, last.userMessageId)).toBeUndefined();
  expect(await conversations(b, projectId)).toHaveLength(1);
  const sent = await edited(b, last.userMessageId);
  expect(sent.steps).toBeGreaterThan(2);
  expect(await conversations(b, projectId)).toHaveLength(2);
  const newest = await b.ann.query(api.conversations.getMessages, { conversationId: sent.conversationId });
  expect(newest.map((row) => row.order)).toEqual(Array.from({ length: 50 }, (_, n) => 204 + n));
});

test("one that nobody went on with is deleted", async () => {
  vi.useFakeTimers();
  const { b, projectId, conversationId } = await running();
  await b.t.run(async (ctx) => {
    for (let order = 2; order < 32; order += 1)
      await ctx.db.insert("messages", { conversationId, projectId, order, startedAt: 0, content: "x".repeat(100_000), role: "user" });
  });
  const last = await send(b, conversationId, { content: "last" });
  expect(await step(b, last.userMessageId)).toBeUndefined();
  await b.t.finishAllScheduledFunctions(vi.runAllTimers);
  vi.useRealTimers();
  expect(await b.t.run(async (ctx) => (await ctx.db.query("conversations").collect()).length)).toBe(1);
  expect(await said(b, conversationId), "the old one stays").toHaveLength(34);
});

test("what cannot be edited says why", async () => {
  const { b, conversationId, messageId } = await running();
  const { userMessageId } = await send(b, conversationId, { content: "in French", policy: "steer" });
  expect((await refusal(edited(b, messageId))).code).toBe("not_a_question");
  expect((await refusal(edited(b, userMessageId))).code).toBe("message_steers");
  const queued = await send(b, conversationId, { content: "later", policy: "queue" });
  expect(await refusal(edited(b, queued.userMessageId))).toMatchObject({ code: "message_in_progress", messageId });
  await cancel(b, messageId);
  expect((await refusal(edited(b, queued.userMessageId, { content: " " }))).code).toBe("empty_message");
  expect((await refusal(edited(b, queued.userMessageId, { ownerId: BOB }))).message).toBe("Message not found");
  await fail(b, queued.messageId);
  expect((await edited(b, queued.userMessageId)).isDuplicate).toBe(false);
});
