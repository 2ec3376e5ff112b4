// @vitest-environment edge-runtime
// Answers that keep more than one function may read: they are bounded while they are written.
import type { Infer } from "convex/values";
import { expect, test } from "vitest";
import type { keptPart } from "../../convex/model/validators.ts";
import { ANN, api, type Backend, backend, begin, chat, fail, KEY, refusal, send, USAGE } from "./backend.ts";

const MIB = 1 << 20;
const DIFF = { type: "diff" as const, path: "a.ts", change: "changed" as const, diff: "@@", added: 2, removed: 1, isCut: false };

async function running() {
  const b = backend();
  const { conversationId } = await chat(b);
  const { messageId } = await send(b, conversationId);
  const { epoch } = await begin(b, messageId);
  return { b, conversationId, messageId, epoch };
}

type Part = Infer<typeof keptPart>;
type Run = Awaited<ReturnType<typeof running>>;

async function recordTurn({ b, messageId, epoch }: Run, turn: number, calls: number, argument = "") {
  const ids = Array.from({ length: calls }, (_, index) => `call-${index}`);
  const parts = ids.map((toolCallId) => ({ type: "toolCall" as const, toolCallId }));
  return await b.t.mutation(api.system.streaming.recordTurn, {
    internalKey: KEY,
    messageId,
    epoch,
    turn: { turn, parts, stopReason: "tool_calls", model: "test", usage: USAGE, droppedCalls: [] },
    toolCalls: ids.map((toolCallId) => ({
      toolCallId,
      name: "writeFile",
      argumentsJson: JSON.stringify({ argument }),
    })),
  });
}

async function finishCall({ b, messageId, epoch }: Run, index: number, output: string, { turn = 0, parts = [] as Part[] } = {}) {
  return await b.t.mutation(api.system.streaming.finishToolCall, {
    internalKey: KEY,
    messageId,
    epoch,
    turn,
    toolCallId: `call-${index}`,
    output,
    isError: false,
    edits: [],
    parts,
  });
}

async function contextSize(b: Backend, messageId: string) {
  const args = { internalKey: KEY, messageId, maxChars: 10_000_000 };
  return JSON.stringify(await b.t.query(api.system.messages.context, args)).length;
}

test("results past the bound of an answer are cut, and say so", async () => {
  const run = await running();
  await recordTurn(run, 0, 20);
  const outputs: string[] = [];
  for (let index = 0; index < 20; index++) {
    outputs.push((await finishCall(run, index, "€".repeat(100_000))).output);
  }
  expect(outputs[0]).toBe("€".repeat(100_000));
  expect(outputs[19]).toMatch(/^\n?\[cut: the results of this answer are more than it may keep/);
  expect(new TextEncoder().encode(outputs.join("")).length).toBeLessThan(2 * MIB + 20_000);
  const calls = { messageId: run.messageId as never };
  expect((await run.b.ann.query(api.messages.toolCalls, calls)).length).toBe(20);
});

test("a turn past the bound of an answer is refused, by size and by number of calls", async () => {
  const bySize = await running();
  for (let turn = 0; turn < 5; turn++) await recordTurn(bySize, turn, 1, "x".repeat(600_000));
  const large = recordTurn(bySize, 5, 1, "x".repeat(600_000));
  expect((await refusal(large)).code).toBe("answer_too_long");
  const byNumber = await running();
  for (let turn = 0; turn < 4; turn++) await recordTurn(byNumber, turn, 500);
  expect((await refusal(recordTurn(byNumber, 4, 1))).code).toBe("answer_too_long");
});

test("a text past what an answer may hold ends with a sentence that says so", async () => {
  const run = await running();
  const args = { internalKey: KEY, messageId: run.messageId, epoch: run.epoch, usage: USAGE };
  const most = 41 * 200_000;
  await run.b.t.mutation(api.system.streaming.complete, { ...args, text: "x".repeat(most + 1) });
  const text = await run.b.ann.query(api.messages.text, { messageId: run.messageId });
  expect(text.slice(0, most)).toBe("x".repeat(most));
  expect(text.slice(most)).toMatch(/^\s+\[The rest of this answer is left out: .*\]$/);
});

test("a text as long as an answer may be is whole", async () => {
  const run = await running();
  const args = { internalKey: KEY, messageId: run.messageId, epoch: run.epoch, usage: USAGE };
  const text = "x".repeat(41 * 200_000);
  await run.b.t.mutation(api.system.streaming.complete, { ...args, text });
  expect(await run.b.ann.query(api.messages.text, { messageId: run.messageId })).toBe(text);
});

test("a turn that is sent twice counts once", async () => {
  const run = await running();
  for (let time = 0; time < 8; time++) await recordTurn(run, 0, 1, "x".repeat(600_000));
});

test("a retried answer begins with nothing kept", async () => {
  const run = await running();
  for (let turn = 0; turn < 5; turn++) await recordTurn(run, turn, 1, "x".repeat(600_000));
  await fail(run.b, run.messageId);
  await run.b.t.mutation(api.system.messages.retry, {
    internalKey: KEY,
    ownerId: ANN,
    messageId: run.messageId,
    policy: "cancel",
    externalId: "again",
  });
  const { epoch } = await begin(run.b, run.messageId, "run-2");
  expect(await recordTurn({ ...run, epoch }, 0, 1, "x".repeat(600_000))).toMatchObject({ isNew: true });
});

test("a conversation of answers as long as can be is still answered", async () => {
  const run = await running();
  let { messageId, epoch } = run;
  for (let answer = 0; answer < 3; answer++) {
    for (let turn = 0; turn < 5; turn++) {
      await recordTurn({ ...run, messageId, epoch }, turn, 1, "x".repeat(600_000));
    }
    await fail(run.b, messageId);
    messageId = (await send(run.b, run.conversationId)).messageId;
    ({ epoch } = await begin(run.b, messageId, `run-${answer}`));
  }
  expect(await contextSize(run.b, messageId)).toBeLessThan(16 * MIB);
});

test("a list shows cards, which are small whatever the calls are, and each change of one is sent once", async () => {
  const run = await running();
  const cards = async (after?: number) => await run.b.ann.query(api.messages.toolCards, { messageId: run.messageId as never, after });
  expect(await cards()).toEqual({ cards: [], next: 0 });
  await recordTurn(run, 0, 3, "a line\n".repeat(10_000));
  await finishCall(run, 1, "r".repeat(50_000), { parts: [DIFF, { ...DIFF, path: "b.ts" }, { type: "moreFiles", count: 3 }] });
  const first = await cards();
  expect(first.cards.map(({ id, status, argsChars, resultChars, changed }) => [id, status, argsChars, resultChars, changed])).toEqual([
    ["call-0", "pending", 80_015, undefined, undefined],
    ["call-2", "pending", 80_015, undefined, undefined],
    ["call-1", "completed", 80_015, 50_000, { files: 5, added: 4, removed: 2 }],
  ]);
  expect(first.cards[0]?.line).toMatch(/^\{"argument":"a line a line /);
  expect(JSON.stringify(first).length).toBeLessThan(1_500);
  expect(await cards(first.next)).toEqual({ cards: [], next: first.next });
  await finishCall(run, 0, "done");
  const second = await cards(first.next);
  expect(second.cards.map(({ id, status }) => [id, status])).toEqual([["call-0", "completed"]]);
  await recordTurn(run, 1, 1);
  await fail(run.b, run.messageId);
  const last = await cards(second.next);
  expect(last.cards.map(({ turn, id, status }) => [turn, id, status])).toEqual([
    [0, "call-2", "cancelled"],
    [1, "call-0", "cancelled"],
  ]);
  expect((await cards()).cards).toHaveLength(4);
  const whole = await run.b.ann.query(api.messages.toolCall, { messageId: run.messageId as never, turn: 0, toolCallId: "call-1" });
  expect([whole?.args.length, whole?.result?.length]).toEqual([80_015, 50_000]);
  const none = { messageId: run.messageId as never, turn: 9, toolCallId: "call-0" };
  expect(await run.b.ann.query(api.messages.toolCall, none)).toBeNull();
});
