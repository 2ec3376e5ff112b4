// @vitest-environment edge-runtime
// The text of an answer while it is written, also after a retry.
import { describe, expect, test, vi } from "vitest";
import { ANN, api, append, begin, complete, fail, KEY, message, send } from "./backend.ts";
import { cancel, running } from "./running.ts";

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

  test("of a call's output are merged by call, and are none of the answer's text", async () => {
    const { b, messageId, epoch } = await running();
    const row = { m: messageId, e: epoch, p: 0 };
    const output = { ...row, k: "output" as const };
    const batch = [
      { ...row, s: 0, t: "Look:" },
      { ...output, s: 1, t: "a", c: "c1" },
      { ...output, s: 2, t: "b", c: "c1" },
      { ...output, s: 3, t: "z", c: "c2" },
      { ...row, s: 4, t: "", k: "outputReset" as const, c: "c1" },
      { ...row, s: 5, t: "", k: "outputReset" as const, c: "c1" },
      { ...output, s: 6, t: "a", c: "c1" },
    ];
    await b.t.mutation(api.system.streaming.append, { internalKey: KEY, batch });
    expect((await b.ann.query(api.messages.deltas, { messageId, from: 0 })).runs).toEqual([
      { part: 0, kind: "text", text: "Look:" },
      { part: 0, kind: "output", text: "ab", toolCallId: "c1" },
      { part: 0, kind: "output", text: "z", toolCallId: "c2" },
      { part: 0, kind: "outputReset", text: "", toolCallId: "c1" },
      { part: 0, kind: "outputReset", text: "", toolCallId: "c1" },
      { part: 0, kind: "output", text: "a", toolCallId: "c1" },
    ]);
    await cancel(b, messageId);
    expect((await message(b, messageId)).content).toBe("Look:");
    const late = { ...output, s: 7, t: "late", c: "c1" };
    expect(await b.t.mutation(api.system.streaming.append, { internalKey: KEY, batch: [late] })).toEqual(["closed"]);
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
  }, 60_000); // 3 s on a quiet machine

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
