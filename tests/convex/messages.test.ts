// @vitest-environment edge-runtime
// Messages: sent under each busy policy, cancelled, retried, listed; and the context of a run.
import { describe, expect, test } from "vitest";
import {
  ANN,
  api,
  append,
  type Backend,
  backend,
  begin,
  BOB,
  chat,
  complete,
  fail,
  KEY,
  message,
  refusal,
  send,
  USAGE,
} from "./backend.ts";

async function rows(b: Backend) {
  return await b.t.run(async (ctx) => ({
    messages: (await ctx.db.query("messages").collect()).length,
    outbox: (await ctx.db.query("outbox").collect()).map((row) => row.eventId),
  }));
}

async function retry(b: Backend, messageId: string, externalId = "again", ownerId = ANN) {
  return await b.t.mutation(api.system.messages.retry, {
    internalKey: KEY,
    ownerId,
    messageId,
    policy: "cancel",
    externalId,
  });
}

describe("send", () => {
  test("writes question, placeholder, generation and event at once", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const sent = await send(b, conversationId, { content: "fix it" });
    expect(sent).toMatchObject({ eventId: sent.messageId, cancelled: [], isDuplicate: false });
    expect(sent.events).toMatchObject([
      {
        eventId: sent.messageId,
        name: "message/sent",
        userId: ANN,
        data: { messageId: sent.messageId, conversationId, projectId },
      },
    ]);
    const list = await b.ann.query(api.conversations.getMessages, {
      conversationId,
    });
    expect(list.map((m) => [m.role, m.status, m.content, m.order])).toEqual([
      ["user", undefined, "fix it", 0],
      ["assistant", "processing", "", 1],
    ]);
  });

  test("with the same key gives the first answer and writes nothing", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId, { externalId: "k" });
    const second = await send(b, conversationId, { externalId: "k" });
    expect(second).toEqual({ ...first, isDuplicate: true });
    expect(await rows(b)).toEqual({ messages: 2, outbox: [first.messageId] });
  });

  test("with the same key and another text is refused", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    await send(b, conversationId, { externalId: "k" });
    const data = await refusal(send(b, conversationId, { externalId: "k", content: "other" }));
    expect(data).toMatchObject({ kind: "conflict", code: "idempotency_key_reused" });
  });

  test("under policy cancel stops the running answer, which keeps its text", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId);
    const { epoch } = await begin(b, first.messageId);
    await append(b, first.messageId, epoch, [0, 0, "half"]);
    const second = await send(b, conversationId);
    expect(second.cancelled).toEqual([first.messageId]);
    expect(second.events.map((event) => [event.name, event.data.messageId])).toEqual([
      ["message/cancelled", first.messageId],
      ["message/sent", second.messageId],
    ]);
    expect(await message(b, first.messageId)).toMatchObject({
      status: "cancelled",
      content: "half",
      runId: "run-1",
    });
  });

  test("under policy cancel leaves other conversations alone", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const first = await send(b, conversationId);
    const other = await b.ann.mutation(api.conversations.create, { projectId, title: "Other" });
    expect((await send(b, other)).cancelled).toEqual([]);
    expect((await message(b, first.messageId)).status).toBe("processing");
  });

  test("under policy reject is refused while an answer runs, and taken after", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId);
    expect(await refusal(send(b, conversationId, { policy: "reject" }))).toEqual({
      kind: "conflict",
      code: "message_in_progress",
      message: "A message is already being processed",
      messageId: first.messageId,
    });
    expect((await rows(b)).messages).toBe(2);
    await fail(b, first.messageId);
    await send(b, conversationId, { policy: "reject" });
  });

  test("under policy queue leaves the running answer alone", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId);
    await send(b, conversationId, { policy: "queue" });
    expect((await message(b, first.messageId)).status).toBe("processing");
  });

  test("of nothing, or of too much, is refused", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    expect((await refusal(send(b, conversationId, { content: " \n" }))).code).toBe("empty_message");
    const long = "x".repeat(100_001);
    expect((await refusal(send(b, conversationId, { content: long }))).code).toBe("message_too_long");
    await send(b, conversationId, { content: "x".repeat(100_000) });
  });

  test("into a stranger's or no conversation finds none", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const missing = { kind: "not_found", message: "Conversation not found" };
    expect(await refusal(send(b, conversationId, { ownerId: BOB }))).toMatchObject(missing);
    expect(await refusal(send(b, "nonsense"))).toMatchObject(missing);
  });
});

describe("cancel", () => {
  test("before the run began gives an empty cancelled message", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    const args = { internalKey: KEY, ownerId: ANN, messageId };
    const first = await b.t.mutation(api.system.messages.cancel, args);
    expect(first.events.map((event) => event.name)).toEqual(["message/cancelled"]);
    expect(await b.t.mutation(api.system.messages.cancel, args)).toEqual({
      messageIds: [],
      events: [],
    });
    expect(await message(b, messageId)).toMatchObject({ status: "cancelled", content: "" });
    expect((await refusal(begin(b, messageId))).code).toBe("generation_closed");
  });

  test("of a project stops every conversation, in batches", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const sent = [];
    for (let i = 0; i < 7; i++) sent.push(await send(b, conversationId, { policy: "queue" }));
    const args = { internalKey: KEY, ownerId: ANN, projectId };
    const first = await b.t.mutation(api.system.messages.cancelProject, args);
    expect(first.hasMore).toBe(true);
    const second = await b.t.mutation(api.system.messages.cancelProject, args);
    expect(second.hasMore).toBe(false);
    expect([...first.messageIds, ...second.messageIds].sort()).toEqual(sent.map((one) => one.messageId).sort());
  });
});

describe("retry", () => {
  test("of a failed answer starts it from nothing, with a new event", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId);
    const { messageId } = first;
    const { epoch } = await begin(b, messageId);
    await b.t.mutation(api.system.streaming.recordTurn, {
      internalKey: KEY,
      messageId,
      epoch,
      turn: {
        turn: 0,
        parts: [{ type: "text", text: "x" }],
        stopReason: "end",
        model: "m",
        usage: USAGE,
        droppedCalls: [],
      },
      toolCalls: [{ toolCallId: "c", name: "readFile", argumentsJson: "{}" }],
    });
    await fail(b, messageId);
    const again = await retry(b, messageId);
    expect(again).toMatchObject({
      userMessageId: first.userMessageId,
      messageId,
      eventId: `${messageId}:1`,
      isDuplicate: false,
    });
    expect(await message(b, messageId)).toMatchObject({ status: "processing", content: "" });
    expect((await message(b, messageId)).error).toBeUndefined();
    const context = await b.t.query(api.system.messages.context, {
      internalKey: KEY,
      messageId,
      maxChars: 100,
    });
    expect([context.turns, context.toolCalls]).toEqual([[], []]);
    expect(await retry(b, messageId)).toMatchObject({ eventId: again.eventId, isDuplicate: true });
  });

  test("of an answer that is running, whole or cancelled is refused", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId, userMessageId } = await send(b, conversationId);
    expect((await refusal(retry(b, messageId))).code).toBe("message_not_failed");
    const { epoch } = await begin(b, messageId);
    await complete(b, messageId, epoch, "whole");
    expect((await refusal(retry(b, messageId))).code).toBe("message_not_failed");
    expect((await refusal(retry(b, userMessageId))).code).toBe("not_an_answer");
    const next = await send(b, conversationId);
    await send(b, conversationId);
    expect((await refusal(retry(b, next.messageId))).code).toBe("message_not_failed");
  });

  test("of a stranger's answer finds none", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    await fail(b, messageId);
    expect((await refusal(retry(b, messageId, "k", BOB))).kind).toBe("not_found");
  });
});

describe("the context of a run", () => {
  const context = async ({ t }: Backend, messageId: string, maxChars: number) =>
    await t.query(api.system.messages.context, { internalKey: KEY, messageId, maxChars });

  test("is the conversation up to the question, oldest first", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId, { content: "one" });
    const lease = await begin(b, first.messageId);
    await complete(b, first.messageId, lease.epoch, "answer one");
    const second = await send(b, conversationId, { content: "two" });
    await send(b, conversationId, { content: "three", policy: "queue" });
    const { history, isTruncated, project } = await context(b, second.messageId, 1_000);
    expect(history.map((entry) => entry.message.content)).toEqual(["one", "answer one", "two"]);
    expect([isTruncated, project.ownerId]).toEqual([false, ANN]);
  });

  test("keeps the newest that fit, and the question always", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    for (let i = 0; i < 5; i++) {
      const { messageId } = await send(b, conversationId, { content: `question ${i}` });
      const { epoch } = await begin(b, messageId);
      await complete(b, messageId, epoch, `${i}`.repeat(100));
    }
    const last = await send(b, conversationId, { content: "x".repeat(500) });
    const small = await context(b, last.messageId, 10);
    expect(small.history.map((entry) => entry.message.content)).toEqual(["x".repeat(500)]);
    expect(small.isTruncated).toBe(true);
    const some = await context(b, last.messageId, 750);
    expect(some.history.map((entry) => entry.message.content)).toEqual([
      "question 3",
      "3".repeat(100),
      "question 4",
      "4".repeat(100),
      "x".repeat(500),
    ]);
  });

  test("goes on before what fits, in short, to the first message", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const first = await send(b, conversationId, { content: `task ${"x".repeat(5_000)}` });
    const lease = { internalKey: KEY, messageId: first.messageId, epoch: (await begin(b, first.messageId)).epoch };
    const argumentsJson = JSON.stringify({ path: "src/a.ts", content: "y".repeat(9_000) });
    const parts = [
      { type: "thinking" as const, text: "hm", signature: "proof" },
      { type: "text" as const, text: "z".repeat(3_000) },
      ...["1", "2", "3"].map((toolCallId) => ({ type: "toolCall" as const, toolCallId })),
    ];
    await b.t.mutation(api.system.streaming.recordTurn, {
      ...lease,
      turn: { turn: 0, parts, stopReason: "tool_calls", model: "test", usage: USAGE, droppedCalls: [] },
      toolCalls: ["1", "2", "3"].map((toolCallId) => ({ toolCallId, name: "writeFile", argumentsJson })),
    });
    for (const [toolCallId, isError] of [
      ["1", false],
      ["2", true],
    ] as const) {
      const finished = { ...lease, turn: 0, toolCallId, output: `out ${"o".repeat(900)}`, isError, edits: [] };
      await b.t.mutation(api.system.streaming.finishToolCall, finished);
    }
    await complete(b, first.messageId, lease.epoch, "z".repeat(3_000));
    const last = await send(b, conversationId, { content: "continue" });
    const { history, isTruncated } = await context(b, last.messageId, 100);
    expect([history.length, isTruncated]).toEqual([1, true]);
    const before = history[0]?.message.order ?? 0;
    const args = { internalKey: KEY, messageId: last.messageId };
    const earlier = await b.t.query(api.system.messages.earlier, { ...args, before });
    expect(earlier.isTruncated).toBe(false);
    const [question, answer] = earlier.history;
    expect(question?.message.content).toMatch(/^task x+… \[the rest is left out to save room\]$/);
    expect(answer?.turns[0]?.parts.map((part) => part.type)).toEqual(["text", "toolCall", "toolCall", "toolCall"]);
    expect(answer?.toolCalls.map((call) => call.output?.slice(0, 3))).toEqual([undefined, "out", "[No"]);
    expect(JSON.parse(answer?.toolCalls[0]?.argumentsJson ?? "")).toMatchObject({ path: "src/a.ts" });
    expect(JSON.stringify(earlier).length).toBeLessThan(10_000);
    const none = await b.t.query(api.system.messages.earlier, { ...args, before: 0 });
    expect(none).toEqual({ history: [], isTruncated: false });
  });

  test("is gone with the project", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    await b.ann.mutation(api.projects.deleteProject, { id: projectId });
    expect((await refusal(context(b, messageId, 10))).kind).toBe("not_found");
    const earlier = { internalKey: KEY, messageId, before: 9 };
    expect((await refusal(b.t.query(api.system.messages.earlier, earlier))).kind).toBe("not_found");
  });
});

describe("the list", () => {
  test("goes newest first in pages and does not change while an answer streams", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    for (let i = 0; i < 3; i++) await send(b, conversationId, { content: `q${i}` });
    const args = { conversationId: conversationId as never };
    const page = async (cursor: string | null) =>
      await b.ann.query(api.messages.list, { ...args, paginationOpts: { numItems: 4, cursor } });
    const first = await page(null);
    expect(first.page.map((m) => m.order)).toEqual([5, 4, 3, 2]);
    const second = await page(first.continueCursor);
    expect(second.page.map((m) => m.order)).toEqual([1, 0]);
    const newest = first.page[0]?._id as string;
    const { epoch } = await begin(b, newest);
    await append(b, newest, epoch, [0, 0, "streaming"]);
    expect(await page(null)).toEqual(first);
  });
});

describe("the outbox", () => {
  const pending = async ({ t }: Backend) =>
    (await t.query(api.system.outbox.pending, { internalKey: KEY, limit: 10 })).map((event) => [event.eventId, event.attempts] as const);

  test("holds an event until it is acknowledged, and lets a failed one wait", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId: eventId } = await send(b, conversationId);
    expect(await pending(b)).toEqual([]);
    await b.t.run(async (ctx) => {
      for (const row of await ctx.db.query("outbox").collect()) await ctx.db.patch(row._id, { dueAt: 0 });
    });
    expect(await pending(b)).toEqual([[eventId, 0]]);
    const error = "x".repeat(900);
    await b.t.mutation(api.system.outbox.failed, { internalKey: KEY, eventId, error });
    expect(await pending(b)).toEqual([]);
    const row = await b.t.run(async (ctx) => await ctx.db.query("outbox").first());
    expect([row?.attempts, row?.lastError?.length]).toEqual([1, 500]);
    for (let i = 0; i < 2; i++) {
      await b.t.mutation(api.system.outbox.ack, { internalKey: KEY, eventIds: [eventId] });
    }
    expect((await rows(b)).outbox).toEqual([]);
  });
});
