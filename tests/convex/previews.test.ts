// @vitest-environment edge-runtime
// What a front end sees that reads conversations.getMessages alone.
import { afterEach, describe, expect, test, vi } from "vitest";
import { ANN, api, append, type Backend, begin, complete, fail, KEY, send } from "./backend.ts";
import { cancel, running } from "./running.ts";

afterEach(() => {
  vi.useRealTimers();
});

async function shown({ ann }: Backend, conversationId: string): Promise<string | undefined> {
  const list = await ann.query(api.conversations.getMessages, { conversationId: conversationId as never });
  return list.at(-1)?.content;
}

async function rows({ t }: Backend): Promise<number> {
  return (await t.run(async (ctx) => await ctx.db.query("previews").take(10))).length;
}

describe("an answer that is being written", () => {
  test("is shown at once, and then once a second", async () => {
    vi.useFakeTimers();
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "One"]);
    expect(await shown(b, conversationId)).toBe("One");
    for (let n = 1; n < 10; n += 1) {
      vi.advanceTimersByTime(100);
      await append(b, messageId, epoch, [n, 0, "."]);
      expect(await shown(b, conversationId)).toBe("One");
    }
    vi.advanceTimersByTime(100);
    await append(b, messageId, epoch, [10, 0, "two"]);
    expect(await shown(b, conversationId)).toBe("One.........two");
  });

  test("is written less often the longer it is", async () => {
    vi.useFakeTimers();
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "x".repeat(16_000)]);
    vi.advanceTimersByTime(3_900);
    await append(b, messageId, epoch, [1, 0, "y"]);
    expect(await shown(b, conversationId)).toBe("x".repeat(16_000));
    vi.advanceTimersByTime(200);
    await append(b, messageId, epoch, [2, 0, "z"]);
    expect(await shown(b, conversationId)).toBe(`${"x".repeat(16_000)}yz`);
  });

  test("is whole when a call begins to run", async () => {
    vi.useFakeTimers();
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "I "], [1, 0, "look."]);
    expect(await shown(b, conversationId)).toBe("I ");
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 };
    const turn = {
      turn: 0,
      parts: [{ type: "text" as const, text: "I look." }],
      stopReason: "tool_use",
      model: "m",
      usage,
      droppedCalls: [],
    };
    await b.t.mutation(api.system.streaming.recordTurn, { internalKey: KEY, messageId, epoch, turn, toolCalls: [] });
    expect(await shown(b, conversationId)).toBe("I look.");
  });

  test("loses what an attempt says anew", async () => {
    vi.useFakeTimers();
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "Kept. "], [1, 1, "lost"]);
    vi.advanceTimersByTime(1_000);
    await append(b, messageId, epoch, [2, 1, " too"]);
    expect(await shown(b, conversationId)).toBe("Kept. lost too");
    vi.advanceTimersByTime(1_000);
    await append(b, messageId, epoch, [3, 1, "", "reset"], [4, 1, "Anew"]);
    expect(await shown(b, conversationId)).toBe("Kept. ");
    vi.advanceTimersByTime(1_000);
    await append(b, messageId, epoch, [5, 1, "."]);
    expect(await shown(b, conversationId)).toBe("Kept. Anew.");
  });

  test("shows no thoughts, and ends at 200,000 characters", async () => {
    vi.useFakeTimers();
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "hm", "thinking"], [1, 0, "x".repeat(150_000)]);
    expect(await shown(b, conversationId)).toBe("x".repeat(150_000));
    vi.advanceTimersByTime(60_000);
    await append(b, messageId, epoch, [2, 0, "y".repeat(150_000)]);
    expect(await shown(b, conversationId)).toHaveLength(200_000);
  });
});

describe("an answer that has ended", () => {
  test("well has its own text, and no preview", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "Hal"]);
    expect(await rows(b)).toBe(1);
    await complete(b, messageId, epoch, "Hello");
    expect(await shown(b, conversationId)).toBe("Hello");
    expect(await rows(b)).toBe(0);
  });

  test("is whole where it is longer than a row", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    const text = "aé😀".repeat(100_000);
    await complete(b, messageId, epoch, text);
    expect(await shown(b, conversationId)).toBe(text);
  });

  test("in a failure says why, after what was there", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "Half"]);
    await fail(b, messageId);
    expect(await shown(b, conversationId)).toBe("Half\n\nThe model is down.");
    const { messageId: next } = await send(b, conversationId);
    await begin(b, next);
    await fail(b, next);
    expect(await shown(b, conversationId)).toBe("The model is down.");
  });

  test("by a cancel says so where nothing was there", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "Half"]);
    await cancel(b, messageId);
    expect(await shown(b, conversationId)).toBe("Half");
    const { messageId: next } = await send(b, conversationId);
    await cancel(b, next);
    expect(await shown(b, conversationId)).toBe("Message was cancelled.");
  });

  test("and is tried again begins empty", async () => {
    const { b, conversationId, messageId, epoch } = await running();
    await append(b, messageId, epoch, [0, 0, "old"]);
    await fail(b, messageId);
    const args = { internalKey: KEY, ownerId: ANN, messageId, policy: "cancel" as const, externalId: "again" };
    await b.t.mutation(api.system.messages.retry, args);
    expect(await shown(b, conversationId)).toBe("");
    const again = await begin(b, messageId, "run-2");
    await append(b, messageId, again.epoch, [again.nextSeq, 0, "new"]);
    expect(await shown(b, conversationId)).toBe("new");
  });
});
