// @vitest-environment edge-runtime
// The writing of an answer: epochs, deltas, turns, tool calls, and the three ends.
import { describe, expect, test, vi } from "vitest";
import { ANN, api, append, type Backend, backend, begin, chat, complete, fail, KEY, message, refusal, send, USAGE } from "./backend.ts";

async function running() {
  const b = backend();
  const { projectId, conversationId } = await chat(b);
  const { messageId } = await send(b, conversationId);
  const { epoch } = await begin(b, messageId);
  return { b, projectId, conversationId, messageId, epoch };
}

async function cancel({ t }: Backend, messageId: string) {
  return await t.mutation(api.system.messages.cancel, {
    internalKey: KEY,
    ownerId: ANN,
    messageId,
  });
}

describe("deltas", () => {
  test("are read from a cursor, merged by part and kind", async () => {
    const { b, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "Hel"], [1, 0, "lo"], [2, 0, "hm", "thinking"], [3, 1, "!"]);
    const page = await b.ann.query(api.messages.deltas, { messageId, from: 1 });
    expect(page).toEqual({
      runs: [
        { part: 0, kind: "text", text: "lo" },
        { part: 0, kind: "thinking", text: "hm" },
        { part: 1, kind: "text", text: "!" },
      ],
      next: 4,
      hasMore: false,
      status: "processing",
    });
  });

  test("sent twice are there once", async () => {
    const { b, messageId, epoch } = await running();
    expect(await append(b, messageId, epoch, [0, 0, "a"])).toEqual(["ok"]);
    expect(await append(b, messageId, epoch, [0, 0, "a"], [1, 0, "b"])).toEqual(["ok", "ok"]);
    const page = await b.ann.query(api.messages.deltas, { messageId, from: 0 });
    expect(page.runs).toEqual([{ part: 0, kind: "text", text: "ab" }]);
  });

  test("with a hole before them are not taken", async () => {
    const { b, messageId, epoch } = await running();
    expect(await append(b, messageId, epoch, [1, 0, "b"])).toEqual(["gap"]);
  });

  test("of an overtaken attempt are refused, those of the new one go on", async () => {
    const { b, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "old"]);
    const lease = await begin(b, messageId, "run-2");
    expect(lease).toMatchObject({ epoch: epoch + 1, nextSeq: 1, lastPart: 0 });
    expect(await append(b, messageId, epoch, [1, 0, "zombie"])).toEqual(["closed"]);
    expect(await append(b, messageId, lease.epoch, [1, 0, "", "reset"], [2, 0, "new"])).toEqual(["ok", "ok"]);
    expect((await cancel(b, messageId)).messageIds).toEqual([messageId]);
    expect((await message(b, messageId)).content).toBe("new");
  });

  test("of one closed message do not hold up those of another", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    const other = await send(b, conversationId, { policy: "queue" });
    const lease = await begin(b, other.messageId, "run-2");
    await cancel(b, messageId);
    const answers = await b.t.mutation(api.system.streaming.append, {
      internalKey: KEY,
      batch: [
        { m: messageId, e: epoch, s: 0, p: 0, t: "late" },
        { m: other.messageId, e: lease.epoch, s: 0, p: 0, t: "fine" },
        { m: "nonsense", e: 1, s: 0, p: 0, t: "x" },
      ],
    });
    expect(answers).toEqual(["closed", "ok", "closed"]);
  });

  test("are swept five minutes after the end, in pages", async () => {
    vi.useFakeTimers();
    try {
      const { b, messageId, epoch } = await running();
      for (let start = 0; start < 1_200; start += 400) {
        const some = Array.from({ length: 400 }, (_, i) => [start + i, 0, "x"] as [number, number, string]);
        await append(b, messageId, epoch, ...some);
      }
      await complete(b, messageId, epoch, "x".repeat(1_200));
      vi.advanceTimersByTime(4 * 60_000);
      await b.t.finishInProgressScheduledFunctions();
      const count = () => b.t.run(async (ctx) => (await ctx.db.query("deltas").collect()).length);
      expect(await count()).toBe(1_200);
      await b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect(await count()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("of a retry survive the sweep that the failure before it has scheduled", async () => {
    vi.useFakeTimers();
    try {
      const { b, messageId, epoch } = await running();
      await append(b, messageId, epoch, [0, 0, "first"]);
      await fail(b, messageId);
      await b.t.mutation(api.system.messages.retry, {
        internalKey: KEY,
        ownerId: ANN,
        messageId,
        policy: "cancel",
        externalId: "again",
      });
      const lease = await begin(b, messageId, "run-2");
      expect(lease).toMatchObject({ nextSeq: 2, lastPart: 0 });
      await append(b, messageId, lease.epoch, [2, 0, "second"]);
      await b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect((await cancel(b, messageId)).messageIds).toEqual([messageId]);
      expect((await message(b, messageId)).content).toBe("second");
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a retried answer", () => {
  async function failedAndRetried(isSwept: boolean) {
    vi.useFakeTimers();
    try {
      const { b, messageId, epoch } = await running();
      await append(b, messageId, epoch, [0, 0, "first"], [1, 1, "second"]);
      await fail(b, messageId);
      if (isSwept) await b.t.finishAllScheduledFunctions(vi.runAllTimers);
      const args = { internalKey: KEY, ownerId: ANN, messageId };
      await b.t.mutation(api.system.messages.retry, { ...args, policy: "cancel", externalId: "again" });
      return { b, messageId };
    } finally {
      vi.useRealTimers();
    }
  }

  for (const isSwept of [false, true]) {
    test(`tells viewers to forget, and goes on after their cursor; deltas swept: ${isSwept}`, async () => {
      const { b, messageId } = await failedAndRetried(isSwept);
      const from = 2; // where a viewer of the first answer stands
      const read = () => b.ann.query(api.messages.deltas, { messageId, from });
      expect((await read()).runs).toEqual([{ part: 0, kind: "reset", text: "" }]);
      const { epoch, nextSeq } = await begin(b, messageId, "run-2");
      await append(b, messageId, epoch, [nextSeq, 0, "anew"]);
      expect((await read()).runs).toEqual([
        { part: 0, kind: "reset", text: "" },
        { part: 0, kind: "text", text: "anew" },
      ]);
    });
  }
});

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
    expect(await r.b.t.mutation(api.system.streaming.recordTurn, { ...args, turn, toolCalls })).toBe(true);
    return { ...r, args };
  }

  test("a turn recorded twice stays as it was first", async () => {
    const { b, args } = await recorded();
    const other = { ...turn, parts: [{ type: "text" as const, text: "else" }] };
    const again = { ...args, turn: other, toolCalls: [] };
    expect(await b.t.mutation(api.system.streaming.recordTurn, again)).toBe(false);
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

describe("the end of a message", () => {
  const ways = {
    complete: (b: Backend, id: string, epoch: number) => complete(b, id, epoch, "whole"),
    fail: (b: Backend, id: string) => fail(b, id),
    cancel: (b: Backend, id: string) => cancel(b, id),
  };
  const status = { complete: "completed", fail: "failed", cancel: "cancelled" } as const;
  const names = ["complete", "fail", "cancel"] as const;

  for (const first of names) {
    for (const second of names) {
      test(`${first}, then ${second}: it stays ${status[first]}`, async () => {
        const { b, messageId, epoch } = await running();
        await append(b, messageId, epoch, [0, 0, "par"], [1, 0, "tial"]);
        await ways[first](b, messageId, epoch);
        const before = await message(b, messageId);
        expect(before.status).toBe(status[first]);
        expect(before.content).toBe(first === "complete" ? "whole" : "partial");
        const isRefused = second === "complete" && first !== "complete";
        if (isRefused) {
          const data = await refusal(ways.complete(b, messageId, epoch));
          expect(data.code).toBe("generation_closed");
        } else {
          await ways[second](b, messageId, epoch);
        }
        expect(await message(b, messageId)).toEqual(before);
      });
    }
  }

  test("a final message takes no new attempt", async () => {
    const { b, messageId, epoch } = await running();
    await complete(b, messageId, epoch, "whole");
    expect((await refusal(begin(b, messageId, "run-2"))).code).toBe("generation_closed");
  });

  test("a failure of a run that was overtaken changes nothing", async () => {
    const { b, messageId } = await running();
    await begin(b, messageId, "run-2");
    await fail(b, messageId, "run-1");
    expect((await message(b, messageId)).status).toBe("processing");
    await fail(b, messageId, "run-2");
    expect((await message(b, messageId)).status).toBe("failed");
  });

  test("a text longer than a document comes back whole", async () => {
    const { b, messageId, epoch } = await running();
    const text = "aé😀".repeat(300_000);
    await complete(b, messageId, epoch, text);
    expect((await message(b, messageId)).content).toBe(text);
    const doc = await b.ann.query(api.messages.get, { messageId });
    expect(doc.isCut).toBe(true);
    expect(doc.content.length).toBeLessThan(250_000);
    expect(await b.ann.query(api.messages.text, { messageId })).toBe(text);
  });
});

describe("generations", () => {
  test("of before a retry cannot take the message back", async () => {
    const { b, messageId } = await running();
    await fail(b, messageId);
    const args = { internalKey: KEY, ownerId: ANN, messageId };
    const policy = "cancel" as const;
    const again = await b.t.mutation(api.system.messages.retry, { ...args, policy, externalId: "k" });
    const take = async (generationId: string) =>
      await b.t.mutation(api.system.streaming.begin, {
        internalKey: KEY,
        messageId,
        runId: "r",
        generationId,
      });
    expect((await refusal(take(messageId))).code).toBe("generation_closed");
    expect((await take(again.eventId)).epoch).toBe(2);
  });

  test("are stale when they were silent for long, and not once they are final", async () => {
    const { b, messageId, epoch } = await running();
    const stale = async (before: number) =>
      (await b.t.query(api.system.generations.stale, { internalKey: KEY, before, limit: 10 })).map((row) => row.messageId);
    expect(await stale(Date.now() - 10_000)).toEqual([]);
    expect(await stale(Date.now() + 1_000)).toEqual([messageId]);
    await complete(b, messageId, epoch, "whole");
    expect(await stale(Date.now() + 1_000)).toEqual([]);
  });

  test("the first run that is noted stays until another begins", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    const attach = (runId: string) => b.t.mutation(api.system.generations.confirm, { internalKey: KEY, messageId, runId });
    await attach("run-1");
    await attach("run-2");
    expect((await message(b, messageId)).runId).toBe("run-1");
    await begin(b, messageId, "run-3");
    expect((await message(b, messageId)).runId).toBe("run-3");
  });
});

describe("an answer that waits for the provider", () => {
  const until = 1_900_000_000_000;

  async function waiting() {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    const { epoch } = await begin(b, messageId);
    const lease = { internalKey: KEY, messageId, epoch };
    await b.t.mutation(api.system.streaming.waitUntil, { ...lease, until });
    const seen = async () => (await b.ann.query(api.messages.get, { messageId })).waitingUntil;
    return { b, messageId, epoch, lease, seen };
  }

  test("says so to its reader and to the next attempt, until it goes on", async () => {
    const { b, messageId, lease, seen } = await waiting();
    expect(await seen()).toBe(until);
    const args = { internalKey: KEY, messageId, maxChars: 0 };
    expect((await b.t.query(api.system.messages.context, args)).message.waitingUntil).toBe(until);
    await b.t.mutation(api.system.streaming.waitUntil, lease);
    expect(await seen()).toBeUndefined();
  });

  test("waits no more once it is final", async () => {
    const ends = [
      ({ b, messageId, epoch }: Awaited<ReturnType<typeof waiting>>) => complete(b, messageId, epoch, "whole"),
      ({ b, messageId }: Awaited<ReturnType<typeof waiting>>) => fail(b, messageId),
      ({ b, messageId }: Awaited<ReturnType<typeof waiting>>) => cancel(b, messageId),
    ];
    for (const end of ends) {
      const run = await waiting();
      await end(run);
      expect(await run.seen()).toBeUndefined();
      const late = run.b.t.mutation(api.system.streaming.waitUntil, { ...run.lease, until });
      expect((await refusal(late)).code).toBe("generation_closed");
    }
  });
});
