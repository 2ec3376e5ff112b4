// @vitest-environment edge-runtime
// The turns and tool calls of an answer.
import { describe, expect, test } from "vitest";
import { ANN, api, begin, fail, KEY, message, refusal, USAGE } from "./backend.ts";
import { cancel, running } from "./running.ts";

describe("turns and tool calls", () => {
  const turn = {
    turn: 0,
    parts: [
      { type: "thinking" as const, text: "let me see", signature: "proof" },
      { type: "text" as const, text: "Looking." },
      { type: "toolCall" as const, toolCallId: "call-1" },
    ],
    stopReason: "tool_calls",
    model: "test/model",
    usage: USAGE,
    droppedCalls: [],
  };
  const toolCalls = [
    { toolCallId: "call-1", name: "writeFile", argumentsJson: '{"$path":"a"}' },
    { toolCallId: "call-2", name: "readFile", argumentsJson: "{}" },
  ];

  async function recorded() {
    const r = await running();
    const args = { internalKey: KEY, messageId: r.messageId, epoch: r.epoch };
    expect(await r.b.t.mutation(api.system.streaming.recordTurn, { ...args, turn, toolCalls })).toEqual({ isNew: true, steers: [] });
    return { ...r, args };
  }

  test("a turn recorded twice stays as it was first", async () => {
    const { b, args } = await recorded();
    const other = { ...turn, parts: [{ type: "text" as const, text: "else" }] };
    const again = { ...args, turn: other, toolCalls: [] };
    expect(await b.t.mutation(api.system.streaming.recordTurn, again)).toEqual({ isNew: false, steers: [] });
    const context = await b.t.query(api.system.messages.context, {
      internalKey: KEY,
      messageId: args.messageId,
      maxChars: 1_000,
    });
    expect(context.turns).toEqual([turn]);
    expect(context.toolCalls.map((call) => call.status)).toEqual(["pending", "pending"]);
  });

  test("a call is pending, running, and then completed with the first result", async () => {
    const { b, args, messageId } = await recorded();
    const call = { ...args, turn: 0, toolCallId: "call-1" };
    await b.t.mutation(api.system.streaming.startToolCall, call);
    const finish = { ...call, edits: [] };
    await b.t.mutation(api.system.streaming.finishToolCall, {
      ...finish,
      output: "done",
      isError: false,
    });
    await b.t.mutation(api.system.streaming.finishToolCall, {
      ...finish,
      output: "else",
      isError: true,
    });
    const calls = await b.ann.query(api.messages.toolCalls, { messageId });
    expect(calls[0]).toMatchObject({
      id: "call-1",
      status: "completed",
      result: "done",
      args: '{"$path":"a"}',
    });
    expect(calls[1]).toMatchObject({ id: "call-2", status: "pending" });
  });

  test("what a call came to beside its text is kept with the first result, and goes with a retry", async () => {
    const { b, args, messageId } = await recorded();
    const call = { turn: 0, toolCallId: "call-1" };
    const finish = { ...args, ...call, edits: [], output: "done", isError: false };
    const diff = { type: "diff" as const, path: "a", change: "changed" as const, diff: "-1\n+2", added: 1, removed: 1, isCut: false };
    const ended = { type: "exit" as const, code: 0, tookS: 0.5 };
    expect(await b.ann.query(api.messages.resultParts, { messageId, ...call })).toEqual([]);
    await b.t.mutation(api.system.streaming.finishToolCall, { ...finish, parts: [diff, ended] });
    await b.t.mutation(api.system.streaming.finishToolCall, { ...finish, parts: [] });
    expect(await b.ann.query(api.messages.resultParts, { messageId, ...call })).toEqual([diff, ended]);
    await fail(b, messageId);
    const again = { internalKey: KEY, ownerId: ANN, messageId, policy: "cancel" as const, externalId: "again" };
    await b.t.mutation(api.system.messages.retry, again);
    expect(await b.ann.query(api.messages.resultParts, { messageId, ...call })).toEqual([]);
  });

  test("calls that were open when the message ended are cancelled", async () => {
    const { b, messageId } = await recorded();
    await cancel(b, messageId);
    const calls = await b.ann.query(api.messages.toolCalls, { messageId });
    expect(calls.map((call) => call.status)).toEqual(["cancelled", "cancelled"]);
    const results = calls.map((call) => call.result);
    const why = "[Not run: the answer was stopped before it was the turn of this call.]";
    expect(results).toEqual([why, why]);
  });

  test("a call that will not be run has a row with its reason, and never runs", async () => {
    const { b, messageId, args } = await recorded();
    await b.t.mutation(api.system.streaming.recordTurn, {
      ...args,
      turn: { ...turn, turn: 1, parts: [{ type: "toolCall", toolCallId: "call-9" }] },
      toolCalls: [{ toolCallId: "call-9", name: "writeFile", argumentsJson: "{}", notRun: "[Not run: cut off]" }],
    });
    const call = { ...args, turn: 1, toolCallId: "call-9" };
    await b.t.mutation(api.system.streaming.startToolCall, call);
    const finished = { ...call, output: "done", isError: false, edits: [] };
    expect(await b.t.mutation(api.system.streaming.finishToolCall, finished)).toEqual({
      output: "[Not run: cut off]",
      isError: true,
      wasKeptBefore: true,
      steers: [],
    });
    await cancel(b, messageId);
    const calls = await b.ann.query(api.messages.toolCalls, { messageId });
    expect(calls[2]).toMatchObject({ status: "skipped", result: "[Not run: cut off]" });
    expect(calls[2]?.startedAt).toBeUndefined();
  });

  test.each(["failed", "cancelled"])("an answer that is %s keeps usage, cost and model of its turns", async (status) => {
    const { b, messageId, args } = await recorded();
    for (const [index, costUsd] of [0.25, undefined, 0.5].entries()) {
      const next = { ...turn, turn: index + 1, model: "other/model", parts: [], usage: { ...USAGE, costUsd } };
      await b.t.mutation(api.system.streaming.recordTurn, { ...args, turn: next, toolCalls: [] });
    }
    if (status === "failed") await fail(b, messageId);
    else await cancel(b, messageId);
    expect(await message(b, messageId)).toMatchObject({
      status,
      model: "other/model",
      usage: { ...USAGE, inputTokens: 40, outputTokens: 20, costUsd: 0.75 },
    });
  });

  test("turns whose price is unknown have no cost in sum", async () => {
    const { b, messageId, args } = await recorded();
    await b.t.mutation(api.system.streaming.recordTurn, { ...args, turn: { ...turn, turn: 1 }, toolCalls: [] });
    await fail(b, messageId);
    expect((await message(b, messageId))?.usage).toEqual({ ...USAGE, inputTokens: 20, outputTokens: 10 });
  });

  test("signatures of thinking come back to the run and to nobody else", async () => {
    const { b, messageId } = await recorded();
    const parts = await b.ann.query(api.messages.parts, { messageId });
    expect(parts.map((part) => [part.turn, part.index, part.type])).toEqual([
      [0, 0, "thinking"],
      [0, 1, "text"],
      [0, 2, "toolCall"],
    ]);
    expect(JSON.stringify(parts)).not.toContain("proof");
  });

  test("none is recorded for an overtaken attempt", async () => {
    const { b, messageId, args } = await recorded();
    await begin(b, messageId, "run-2");
    const late = { ...args, turn: { ...turn, turn: 1 }, toolCalls: [] };
    const data = await refusal(b.t.mutation(api.system.streaming.recordTurn, late));
    expect(data).toMatchObject({ code: "generation_closed", kind: "refused" });
  });
});
