// @vitest-environment edge-runtime
// How many bytes a person's files may take.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ANN, api, type Backend, begin, BOB, chat, KEY, refusal, send, USAGE } from "./backend.ts";
import { type Owned, paths, project, read, sha256, write } from "./files.ts";

beforeEach(() => {
  process.env.POLARIS_STORAGE_LIMIT_BYTES = "10";
});
afterEach(() => {
  delete process.env.POLARIS_STORAGE_LIMIT_BYTES;
});

async function bytesOf({ t }: Backend, ownerId = ANN): Promise<number> {
  return await t.run(async (ctx) => {
    const row = await ctx.db
      .query("storageUse")
      .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
      .unique();
    return row?.bytes ?? 0;
  });
}

/** The same, by looking at every file. */
async function bytesThere({ t }: Backend): Promise<number> {
  return await t.run(async (ctx) => (await ctx.db.query("files").collect()).reduce((sum, file) => sum + file.size, 0));
}

async function another(b: Backend, ownerId = ANN): Promise<Owned> {
  const own = { internalKey: KEY, ownerId };
  const { projectId } = await b.t.mutation(api.system.projects.create, { ...own, name: "Other", externalId: "other" });
  return { ...own, projectId };
}

describe("a limit of storage", () => {
  test("refuses a write past it, in whatever project, and lets everything be read and deleted", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a.txt", "12345678");
    expect(await refusal(write(b, await another(b), "b.txt", "123"))).toMatchObject({
      kind: "refused",
      code: "quota_exceeded",
      quota: "storage",
      currentUsage: "8",
      limit: "10",
      message: expect.stringContaining("8 bytes of the 10 bytes") as string,
    });
    const made = b.ann.mutation(api.files.createFile, { projectId: owned.projectId as never, name: "c.txt", content: "123" });
    expect((await refusal(made)).code).toBe("quota_exceeded");
    expect(await read(b, owned, "a.txt")).toBe("12345678");
    await write(b, owned, "b.txt", "12");
    await b.t.mutation(api.system.files.remove, { ...owned, path: "a.txt" });
    await write(b, owned, "c.txt", "12345678");
    expect(await paths(b, owned)).toEqual(["b.txt", "c.txt"]);
    expect(await bytesOf(b)).toBe(10);
    await write(b, await another(b, BOB), "b.txt", "0123456789"); // has a count of their own
  });

  test("lets whoever is past it write less than there was", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a.txt", "1234567890");
    process.env.POLARIS_STORAGE_LIMIT_BYTES = "5";
    await write(b, owned, "a.txt", "12345678");
    expect((await refusal(write(b, owned, "a.txt", "123456789"))).code).toBe("quota_exceeded");
    await b.t.mutation(api.system.files.rename, { ...owned, path: "a.txt", newPath: "b.txt" });
    expect(await bytesOf(b)).toBe(8);
  });

  test("holds for an agent's calls, none of whose changes are made then", async () => {
    const { b, owned } = await project();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    const { epoch } = await begin(b, messageId);
    const lease = { internalKey: KEY, messageId, epoch };
    const call = { toolCallId: "c", name: "write_file", argumentsJson: "{}" };
    const turn = { turn: 0, parts: [], stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] };
    await b.t.mutation(api.system.streaming.recordTurn, { ...lease, turn, toolCalls: [call] });
    const text = "12345678901";
    const edit = { kind: "write" as const, path: "a.txt", size: text.length, sha256: await sha256(text), text, expectedSha256: "" };
    const result = { ...lease, turn: 0, toolCallId: "c", output: "ok", isError: false, edits: [edit] };
    expect((await refusal(b.t.mutation(api.system.streaming.finishToolCall, result))).code).toBe("quota_exceeded");
    expect(await paths(b, owned)).toEqual([]);
    await b.t.mutation(api.system.streaming.finishToolCall, { ...result, edits: [], isError: true });
  });
});

test("what is counted is what is there, whoever changed it, until nothing is", async () => {
  vi.useFakeTimers();
  try {
    process.env.POLARIS_STORAGE_LIMIT_BYTES = "10000";
    const { b, owned } = await project();
    const checked = async () => {
      expect(await bytesOf(b)).toBe(await bytesThere(b));
    };
    for (let batch = 0; batch < 6; batch++) {
      const files = Array.from({ length: 100 }, (_, i) => ({
        path: `d${batch}/f${i}`,
        size: 1 + (i % 3),
        sha256: `h${i % 3}`,
        text: "x".repeat(1 + (i % 3)),
      }));
      await b.t.mutation(api.system.files.writeMany, { ...owned, files });
    }
    await checked();
    const storageId = await b.t.run(async (ctx) => await ctx.storage.store(new Blob(["\0\0\0"])));
    const blob = { path: "d1/f1", size: 3, sha256: "b", storageId };
    await b.t.mutation(api.system.files.write, { ...owned, file: blob });
    await b.t.mutation(api.system.files.write, { ...owned, file: blob }); // the same again
    await b.t.mutation(api.system.files.rename, { ...owned, path: "d1", newPath: "d9" });
    await b.t.mutation(api.system.files.remove, { ...owned, path: "d2" });
    await checked();
    const transfer = await b.t.mutation(api.system.transfers.start, { ...owned, kind: "import", externalId: "t" });
    const file = { path: "imported", size: 4, sha256: "four", text: "four" };
    const far = { done: 1, total: 1, bytes: 4, totalBytes: 4 };
    await b.t.mutation(api.system.transfers.write, { internalKey: KEY, transferId: transfer.transferId, files: [file], ...far });
    await checked();
    await b.t.mutation(api.system.projects.remove, owned);
    await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
    expect(await bytesThere(b)).toBe(0);
    await b.t.run(async (ctx) => {
      expect(await ctx.db.query("storageUse").collect()).toEqual([]);
    });
  } finally {
    vi.useRealTimers();
  }
}, 60_000);
