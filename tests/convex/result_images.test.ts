// @vitest-environment edge-runtime
// Images of results that are blobs: kept with their result, held against the sweep, gone with the answer.
import { describe, expect, test, vi } from "vitest";
import type { Id } from "../../convex/_generated/dataModel";
import { internal } from "../../convex/_generated/api";
import { ANN, api, backend, type Backend, begin, chat, KEY, send } from "./backend.ts";

const call = { turn: 0, toolCallId: "call-1" };
const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 };

async function store(b: Backend, text = "\u0089PNG"): Promise<Id<"_storage">> {
  return await b.t.run(async (ctx) => await ctx.storage.store(new Blob([text])));
}

async function blobs(b: Backend): Promise<Id<"_storage">[]> {
  return await b.t.run(async (ctx) => (await ctx.db.system.query("_storage").collect()).map((row) => row._id));
}

/** An answer with one call that is about to be finished. */
async function called(b: Backend) {
  const { projectId, conversationId } = await chat(b);
  const { messageId } = await send(b, conversationId);
  const { epoch } = await begin(b, messageId);
  const lease = { internalKey: KEY, messageId, epoch };
  const turn = {
    turn: 0,
    parts: [{ type: "toolCall" as const, toolCallId: "call-1" }],
    stopReason: "tool_calls",
    model: "m",
    usage,
    droppedCalls: [],
  };
  const toolCalls = [{ toolCallId: "call-1", name: "readFile", argumentsJson: "{}" }];
  await b.t.mutation(api.system.streaming.recordTurn, { ...lease, turn, toolCalls });
  return { projectId, messageId, lease };
}

function finish(lease: Awaited<ReturnType<typeof called>>["lease"], images: { storageId: Id<"_storage">; sizeBytes: number }[]) {
  const parts = images.map((image) => ({ type: "image" as const, mediaType: "image/png" as const, ...image }));
  return { ...lease, ...call, output: "", isError: false, edits: [], parts };
}

describe("a large image of a result", () => {
  test("is a part with an address, for its owner", async () => {
    const b = backend();
    const { messageId, lease } = await called(b);
    const storageId = await store(b);
    await b.t.mutation(api.system.streaming.finishToolCall, finish(lease, [{ storageId, sizeBytes: 4 }]));
    const parts = await b.ann.query(api.messages.resultParts, { messageId, ...call });
    expect(parts).toEqual([{ type: "image", mediaType: "image/png", sizeBytes: 4, url: expect.any(String) as string }]);
    const calls = await b.t.query(api.system.messages.toolCalls, { internalKey: KEY, ownerId: ANN, messageId });
    expect(calls.map((one) => one.images)).toEqual([1]);
  });

  test("is held against the sweep, and one that no result came to hold is swept", async () => {
    vi.useFakeTimers();
    try {
      const b = backend();
      const { lease } = await called(b);
      const [held, lost] = [await store(b), await store(b, "lost")];
      await b.t.mutation(api.system.streaming.finishToolCall, finish(lease, [{ storageId: held, sizeBytes: 4 }]));
      vi.advanceTimersByTime(25 * 3_600_000);
      await b.t.mutation(internal.system.sweep.orphanBlobs, {});
      expect(await blobs(b)).toEqual([held]);
      expect(lost).not.toBe(held);
    } finally {
      vi.useRealTimers();
    }
  });

  test("that comes a second time, or is too much for an answer, is not kept", async () => {
    const b = backend();
    const { messageId, lease } = await called(b);
    const large = await store(b);
    const { wasKeptBefore } = await b.t.mutation(
      api.system.streaming.finishToolCall,
      finish(lease, [{ storageId: large, sizeBytes: (32 << 20) + 1 }]),
    );
    expect(wasKeptBefore).toBe(false);
    expect(await b.ann.query(api.messages.resultParts, { messageId, ...call })).toEqual([]);
    const again = finish(lease, [{ storageId: await store(b), sizeBytes: 4 }]);
    expect((await b.t.mutation(api.system.streaming.finishToolCall, again)).wasKeptBefore).toBe(true);
    expect(await blobs(b)).toEqual([]);
  });

  test("goes with a retry of its answer, and with its project", async () => {
    vi.useFakeTimers();
    try {
      const b = backend();
      const first = await called(b);
      await b.t.mutation(api.system.streaming.finishToolCall, finish(first.lease, [{ storageId: await store(b), sizeBytes: 4 }]));
      await b.t.mutation(api.system.streaming.fail, { internalKey: KEY, messageId: first.messageId, error: "no", errorCode: "internal" });
      const retry = { internalKey: KEY, ownerId: ANN, messageId: first.messageId, policy: "cancel" as const, externalId: "again" };
      await b.t.mutation(api.system.messages.retry, retry);
      expect(await blobs(b)).toEqual([]);
      const second = await called(b);
      await b.t.mutation(api.system.streaming.finishToolCall, finish(second.lease, [{ storageId: await store(b), sizeBytes: 4 }]));
      expect(await blobs(b)).toHaveLength(1);
      await b.t.mutation(api.system.projects.remove, { internalKey: KEY, ownerId: ANN, projectId: second.projectId });
      await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
      expect(await blobs(b)).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a whole output of a result", () => {
  const full = { type: "fullText" as const, handle: "out-1", sizeBytes: 4 };
  const find = async ({ t }: Backend, messageId: string, handle = "out-1") =>
    await t.query(api.system.messages.fullText, { internalKey: KEY, messageId, handle });

  test("is found by its handle in its conversation, and by nobody else", async () => {
    const b = backend();
    const { projectId, messageId, lease } = await called(b);
    const parts = [{ ...full, storageId: await store(b, "text") }];
    await b.t.mutation(api.system.streaming.finishToolCall, { ...finish(lease, []), parts });
    const url = await find(b, messageId);
    expect(await b.ann.query(api.messages.resultParts, { messageId, ...call })).toEqual([{ ...full, url }]);
    expect(await find(b, messageId, "out-2")).toBeNull();
    const other = { internalKey: KEY, ownerId: ANN, projectId, title: "Two", externalId: "c2" };
    const { conversationId } = await b.t.mutation(api.system.conversations.create, other);
    expect(await find(b, (await send(b, conversationId)).messageId)).toBeNull();
  });

  test("that is too much for an answer is named and not kept", async () => {
    const b = backend();
    const { messageId, lease } = await called(b);
    const large = { ...full, sizeBytes: (32 << 20) + 1 };
    const parts = [{ ...large, storageId: await store(b) }];
    await b.t.mutation(api.system.streaming.finishToolCall, { ...finish(lease, []), parts });
    expect(await b.ann.query(api.messages.resultParts, { messageId, ...call })).toEqual([large]);
    expect(await find(b, messageId)).toBeNull();
    expect(await blobs(b)).toEqual([]);
  });

  test("goes with a retry of its answer", async () => {
    const b = backend();
    const { messageId, lease } = await called(b);
    const parts = [{ ...full, storageId: await store(b) }];
    await b.t.mutation(api.system.streaming.finishToolCall, { ...finish(lease, []), parts });
    await b.t.mutation(api.system.streaming.fail, { internalKey: KEY, messageId, error: "no", errorCode: "internal" });
    const retry = { internalKey: KEY, ownerId: ANN, messageId, policy: "cancel" as const, externalId: "again" };
    await b.t.mutation(api.system.messages.retry, retry);
    expect(await find(b, messageId)).toBeNull();
    expect(await blobs(b)).toEqual([]);
  });
});
