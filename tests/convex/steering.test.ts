// @vitest-environment edge-runtime
// A message sent for the answer that is being written: told at a turn, or answered after all; never lost, never twice.
import { describe, expect, test } from "vitest";
import { ANN, api, type Backend, begin, complete, fail, KEY, message, refusal, send, USAGE } from "./backend.ts";
import { cancel, running } from "./running.ts";

type Run = Awaited<ReturnType<typeof running>>;

async function steer(b: Backend, conversationId: string, content: string, externalId?: string) {
  return await send(b, conversationId, { content, policy: "steer", ...(externalId && { externalId }) });
}

async function recordTurn({ b, messageId, epoch }: Run, turn: number, told: string[] = []) {
  const parts = [{ type: "text" as const, text: `turn ${turn}` }];
  const row = { turn, parts, stopReason: "end", model: "test/model", usage: USAGE, droppedCalls: [] };
  return await b.t.mutation(api.system.streaming.recordTurn, { internalKey: KEY, messageId, epoch, turn: row, toolCalls: [], told });
}

async function contextOf({ t }: Backend, messageId: string) {
  return await t.query(api.system.messages.context, { internalKey: KEY, messageId, maxChars: 10_000 });
}

async function said({ t }: Backend, conversationId: string) {
  const args = { internalKey: KEY, ownerId: ANN, conversationId, limit: 100 };
  const { items } = await t.query(api.system.messages.list, args);
  return items.reverse().map(({ order, role, content, status }) => [order, role, status ?? content]);
}

const history = (context: Awaited<ReturnType<typeof contextOf>>) =>
  context.history.map(({ message, steers }) => [message.content, ...steers.map((each) => each.content)]);

describe("a message that steers", () => {
  test("is part of the running answer and gets none of its own", async () => {
    const { b, conversationId, messageId } = await running();
    const sent = await steer(b, conversationId, "in French");
    expect(sent).toMatchObject({ messageId, eventId: messageId, steers: messageId, cancelled: [], events: [], isDuplicate: false });
    expect(await said(b, conversationId)).toEqual([
      [0, "user", "hello"],
      [1, "assistant", "processing"],
      [2, "user", "in French"],
    ]);
    expect(await message(b, sent.userMessageId)).toMatchObject({ role: "user", steers: messageId });
    expect((await contextOf(b, messageId)).steers).toEqual([{ messageId: sent.userMessageId, content: "in French" }]);
    expect(history(await contextOf(b, messageId))).toEqual([["hello"]]);
  });

  test("sent twice with one key is one message", async () => {
    const { b, conversationId, messageId } = await running();
    const first = await steer(b, conversationId, "in French", "k");
    const { userMessageId } = first;
    expect(await steer(b, conversationId, "in French", "k")).toMatchObject({
      userMessageId,
      messageId,
      steers: messageId,
      isDuplicate: true,
    });
    expect((await contextOf(b, messageId)).steers).toHaveLength(1);
    expect((await refusal(steer(b, conversationId, "in Greek", "k"))).code).toBe("idempotency_key_reused");
  });

  test("is a message like any other where no answer is being written", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    await complete(b, messageId, epoch, "done");
    const sent = await steer(b, conversationId, "and in French");
    expect(sent.steers).toBeUndefined();
    expect(sent.messageId).not.toBe(messageId);
    expect(sent.events.map((event) => event.name)).toEqual(["message/sent"]);
    await complete(b, sent.messageId, (await begin(b, sent.messageId)).epoch, "fait");
  });

  test("is told once, before the turn that was recorded with it", async () => {
    const run = await running();
    const { b, conversationId, messageId } = run;
    const one = await steer(b, conversationId, "one");
    const two = await steer(b, conversationId, "two");
    const kept = await recordTurn(run, 0, [one.userMessageId]);
    expect(kept).toEqual({ isNew: true, steers: [{ messageId: two.userMessageId, content: "two" }] });
    const again = await recordTurn(run, 0, [two.userMessageId]);
    expect(again, "of a turn on record nothing changes").toEqual({ ...kept, isNew: false });
    await recordTurn(run, 1, [two.userMessageId, one.userMessageId]);
    expect((await contextOf(b, messageId)).steers.map((each) => [each.content, each.toldIn])).toEqual([
      ["one", 0],
      ["two", 1],
    ]);
    const list = await b.ann.query(api.conversations.getMessages, { conversationId });
    expect(list.map((each) => [each.content, each.steers, each.toldIn]).slice(2)).toEqual([
      ["one", messageId, 0],
      ["two", messageId, 1],
    ]);
  });

  test("is known to the run with the next result, and after a wait", async () => {
    const run = await running();
    const { b, conversationId, messageId, epoch } = run;
    const lease = { internalKey: KEY, messageId, epoch };
    const turn = { turn: 0, parts: [], stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] };
    const toolCalls = [{ toolCallId: "c", name: "readFile", argumentsJson: "{}" }];
    await b.t.mutation(api.system.streaming.recordTurn, { ...lease, turn, toolCalls });
    const { userMessageId } = await steer(b, conversationId, "look at b, too");
    const steers = [{ messageId: userMessageId, content: "look at b, too" }];
    const result = { ...lease, turn: 0, toolCallId: "c", output: "a", isError: false, edits: [] };
    expect(await b.t.mutation(api.system.streaming.finishToolCall, result)).toMatchObject({ steers });
    expect(await b.t.mutation(api.system.streaming.waitUntil, lease)).toEqual(steers);
  });

  test("stands in the history of later answers where it was told, also when they were queued before it", async () => {
    const run = await running();
    const { b, conversationId, messageId, epoch } = run;
    const queued = await send(b, conversationId, { content: "later", policy: "queue" });
    const { userMessageId, steers } = await steer(b, conversationId, "in French");
    expect(steers).toBe(messageId);
    await recordTurn(run, 0, [userMessageId]);
    await complete(b, messageId, epoch, "bonjour");
    const next = await send(b, conversationId, { content: "last", policy: "queue" });
    expect(history(await contextOf(b, queued.messageId))).toEqual([["hello"], ["bonjour", "in French"], ["later"]]);
    await complete(b, queued.messageId, (await begin(b, queued.messageId)).epoch, "ok");
    expect(history(await contextOf(b, next.messageId))).toEqual([["hello"], ["bonjour", "in French"], ["later"], ["ok"], ["last"]]);
  });
});

describe("a message that was not told when the answer ended", () => {
  test("well, is answered by another run, and the rest of them steers that", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    const one = await steer(b, conversationId, "one", "k1");
    const two = await steer(b, conversationId, "two", "k2");
    await complete(b, messageId, epoch, "done");
    await complete(b, messageId, epoch, "done");
    expect(await said(b, conversationId)).toEqual([
      [0, "user", "hello"],
      [1, "assistant", "completed"],
      [2, "user", "one"],
      [3, "assistant", "processing"],
      [4, "user", "two"],
    ]);
    const again = await steer(b, conversationId, "one", "k1");
    expect(again).toMatchObject({ userMessageId: one.userMessageId, isDuplicate: true });
    expect(again.events).toMatchObject([{ eventId: again.messageId, name: "message/sent", userId: ANN }]);
    expect(await steer(b, conversationId, "two", "k2")).toMatchObject({ userMessageId: two.userMessageId, steers: again.messageId });
    const context = await contextOf(b, again.messageId);
    expect(history(context)).toEqual([["hello"], ["done"], ["one"]]);
    expect(context.steers.map((each) => each.content)).toEqual(["two"]);
  });

  test.each(["completed", "cancelled", "failed"])("as %s, goes to the answer that waits behind it", async (end) => {
    const { b, conversationId, messageId, epoch } = await running();
    const queued = await send(b, conversationId, { content: "later", policy: "queue" });
    await steer(b, conversationId, "in French");
    if (end === "completed") await complete(b, messageId, epoch, "done");
    else if (end === "cancelled") await cancel(b, messageId);
    else await fail(b, messageId);
    const context = await contextOf(b, queued.messageId);
    expect(context.steers.map((each) => each.content)).toEqual(["in French"]);
    expect(history(context).at(-1)).toEqual(["later"]);
    expect(await said(b, conversationId)).toHaveLength(5);
  });

  test.each(["cancelled", "failed"])("as %s, is told with the next message", async (end) => {
    const { b, conversationId, messageId } = await running();
    await steer(b, conversationId, "in French");
    await (end === "cancelled" ? cancel(b, messageId) : fail(b, messageId));
    const next = await steer(b, conversationId, "go on");
    expect(next.steers).toBeUndefined();
    expect(history(await contextOf(b, next.messageId))).toEqual([["hello"], [""], ["in French"], ["go on"]]);
  });

  test("is told by the answer once that is tried again, as are those that it had been told", async () => {
    const run = await running();
    const { b, conversationId, messageId } = run;
    const { userMessageId } = await steer(b, conversationId, "one");
    await recordTurn(run, 0, [userMessageId]);
    await steer(b, conversationId, "two");
    await fail(b, messageId);
    const again = { internalKey: KEY, ownerId: ANN, messageId, policy: "steer" as const, externalId: "again" };
    await b.t.mutation(api.system.messages.retry, again);
    const { steers, turns } = await contextOf(b, messageId);
    expect(turns).toEqual([]);
    expect(steers.map((each) => [each.content, each.toldIn])).toEqual([
      ["one", undefined],
      ["two", undefined],
    ]);
  });
});

test("an answer that can hold no more leaves the message to an answer of its own", async () => {
  const { b, conversationId, messageId } = await running();
  let sent = await steer(b, conversationId, "x".repeat(100_000));
  while (sent.steers !== undefined) sent = await steer(b, conversationId, "x".repeat(100_000));
  expect(sent.messageId).not.toBe(messageId);
  expect((await contextOf(b, messageId)).steers.length).toBe(31); // 3 MiB
});
