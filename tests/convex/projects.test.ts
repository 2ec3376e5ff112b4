// @vitest-environment edge-runtime
// Projects: made once per key, deleted with everything in them; the log; transfers.
import { describe, expect, test, vi } from "vitest";
import schema from "../../convex/schema.ts";
import { ANN, api, append, backend, begin, chat, KEY, refusal, send, USAGE } from "./backend.ts";

describe("a project", () => {
  test("is made once per key", async () => {
    const b = backend();
    const args = { internalKey: KEY, ownerId: ANN, name: "P", externalId: "k" };
    const first = await b.t.mutation(api.system.projects.create, args);
    expect(await b.t.mutation(api.system.projects.create, args)).toEqual(first);
    const other = { ...args, ownerId: "someone" };
    expect((await b.t.mutation(api.system.projects.create, other)).projectId).not.toBe(first.projectId);
  });

  test("needs a name of a sensible length", async () => {
    const b = backend();
    expect((await refusal(b.ann.mutation(api.projects.create, { name: " " }))).code).toBe("bad_name");
    const long = "x".repeat(201);
    expect((await refusal(b.ann.mutation(api.projects.create, { name: long }))).code).toBe("bad_name");
  });

  test("is invisible at once when deleted, and then leaves nothing behind", async () => {
    vi.useFakeTimers();
    try {
      const b = backend();
      const { projectId, conversationId } = await chat(b);
      const owned = { internalKey: KEY, ownerId: ANN, projectId };
      const sent = await send(b, conversationId);
      const { epoch } = await begin(b, sent.messageId);
      for (let start = 0; start < 1_200; start += 400) {
        const some = Array.from({ length: 400 }, (_, i) => [start + i, 0, "x"] as [number, number, string]);
        await append(b, sent.messageId, epoch, ...some);
      }
      const call = { toolCallId: "c", name: "task", argumentsJson: "{}" };
      const turn = { turn: 0, parts: [], stopReason: "tool_calls", model: "m", usage: USAGE, droppedCalls: [] };
      const lease = { internalKey: KEY, messageId: sent.messageId, epoch };
      await b.t.mutation(api.system.streaming.recordTurn, { ...lease, turn, toolCalls: [call] });
      const task = { turn: 0, toolCallId: "c", title: "Look", prompt: "Look at it." };
      await b.t.mutation(api.system.tasks.open, { ...lease, ...task });
      for (let batch = 0; batch < 4; batch++) {
        const files = Array.from({ length: 200 }, (_, i) => ({
          path: `d${batch}/f${i}`,
          size: 1,
          sha256: "h",
          text: "x",
        }));
        await b.t.mutation(api.system.files.writeMany, { ...owned, files });
      }
      const storageId = await b.t.run(async (ctx) => await ctx.storage.store(new Blob(["\0"])));
      const blob = { path: "blob", size: 1, sha256: "b", storageId };
      await b.t.mutation(api.system.files.write, { ...owned, file: blob });
      await b.t.mutation(api.system.files.remove, { ...owned, path: "d3" });
      await b.t.mutation(api.system.events.append, {
        ...owned,
        externalId: "e",
        type: "info",
        message: "m",
      });
      await b.t.mutation(api.system.transfers.start, { ...owned, kind: "import", externalId: "t" });
      await b.t.mutation(api.system.mcp.setServers, { ...owned, servers: [{ name: "s", url: "https://example.com" }] });
      await b.t.mutation(api.system.mcp.setToken, { ...owned, hash: "h" });

      const events = await b.t.mutation(api.system.projects.remove, owned);
      expect(events.map((event) => event.name)).toEqual(["message/cancelled"]);
      expect(await b.ann.query(api.projects.get, {})).toEqual([]);
      const gone = b.ann.query(api.projects.getById, { id: projectId });
      expect((await refusal(gone)).message).toBe("Project not found");
      expect(await b.t.mutation(api.system.projects.remove, owned)).toEqual([]);

      await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
      const left: Record<string, number> = {};
      await b.t.run(async (ctx) => {
        for (const table of Object.keys(schema.tables)) {
          const rows = await ctx.db.query(table as "files").collect();
          if (rows.length > 0) left[table] = rows.length;
        }
        left.blobs = (await ctx.db.system.query("_storage").collect()).length;
      });
      expect(left).toEqual({ outbox: 2, usageDays: 1, blobs: 0 }); // events are the relay's, and what was spent is spent
    } finally {
      vi.useRealTimers();
    }
  }, 60_000);
});

describe("a deleted project", () => {
  const owned = (projectId: string) => ({ internalKey: KEY, ownerId: ANN, projectId });

  test("comes back as it was within 30 seconds, and its emptying leaves it alone", async () => {
    vi.useFakeTimers();
    try {
      const b = backend();
      const { projectId, conversationId } = await chat(b);
      await send(b, conversationId);
      await b.ann.mutation(api.projects.deleteProject, { id: projectId });
      vi.advanceTimersByTime(29_000);
      await b.t.finishInProgressScheduledFunctions();
      await b.ann.mutation(api.projects.restoreProject, { id: projectId });
      await b.ann.mutation(api.projects.restoreProject, { id: projectId });
      await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
      expect((await b.ann.query(api.projects.get, {})).map(({ _id }) => _id)).toEqual([projectId]);
      const page = { conversationId: conversationId as never, paginationOpts: { numItems: 9, cursor: null } };
      const messages = (await b.ann.query(api.messages.list, page)).page;
      expect(messages.map(({ status }) => status)).toEqual(["cancelled", undefined]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("that was restored and deleted again has all of its 30 seconds again", async () => {
    vi.useFakeTimers();
    try {
      const b = backend();
      const { projectId } = await chat(b);
      await b.t.mutation(api.system.projects.remove, owned(projectId));
      vi.advanceTimersByTime(20_000);
      await b.t.finishInProgressScheduledFunctions();
      await b.t.mutation(api.system.projects.restore, owned(projectId));
      await b.t.mutation(api.system.projects.remove, owned(projectId));
      vi.advanceTimersByTime(20_000);
      await b.t.finishInProgressScheduledFunctions();
      expect(await b.t.mutation(api.system.projects.restore, owned(projectId))).toMatchObject({ projectId });
    } finally {
      vi.useRealTimers();
    }
  });

  test("is gone for good afterwards, and where the plan has no room", async () => {
    vi.useFakeTimers();
    process.env.POLARIS_PROJECT_LIMIT = "1";
    try {
      const b = backend();
      const { projectId } = await chat(b);
      await b.t.mutation(api.system.projects.remove, owned(projectId));
      const other = await b.ann.mutation(api.projects.create, { name: "Other" });
      expect((await refusal(b.t.mutation(api.system.projects.restore, owned(projectId)))).code).toBe("project_limit");
      await b.ann.mutation(api.projects.deleteProject, { id: other });
      vi.setSystemTime(Date.now() + 30_000); // before the emptying has begun
      expect((await refusal(b.t.mutation(api.system.projects.restore, owned(projectId)))).message).toContain("for good");
      await b.t.finishAllScheduledFunctions(vi.runAllTimers, 1_000);
      expect((await refusal(b.t.mutation(api.system.projects.restore, owned(projectId)))).kind).toBe("not_found");
    } finally {
      delete process.env.POLARIS_PROJECT_LIMIT;
      vi.useRealTimers();
    }
  });
});

describe("the log of a generation", () => {
  test("holds each line once, the last ones are read oldest first", async () => {
    const b = backend();
    const { projectId } = await chat(b);
    for (const key of ["1", "2", "2", "3"]) {
      await b.t.mutation(api.system.events.append, {
        internalKey: KEY,
        ownerId: ANN,
        projectId,
        externalId: key,
        type: "step",
        message: `step ${key}`,
      });
    }
    const lines = await b.ann.query(api.projects.getGenerationEvents, { projectId, limit: 2 });
    expect(lines.map((line) => line.message)).toEqual(["step 2", "step 3"]);
  });
});

describe("a transfer", () => {
  test("moves the project's status with it, one of a kind at a time, and ends once", async () => {
    const b = backend();
    const { projectId } = await chat(b);
    const owned = { internalKey: KEY, ownerId: ANN, projectId };
    const status = async () => (await b.ann.query(api.projects.getById, { id: projectId })).exportStatus;
    const start = async (externalId: string) => await b.t.mutation(api.system.transfers.start, { ...owned, kind: "export", externalId });
    const transfer = await start("1");
    expect(await start("1")).toEqual(transfer);
    expect((await refusal(start("2"))).code).toBe("transfer_in_progress");
    expect(await status()).toBe("exporting");
    const { transferId } = transfer;
    const progress = { internalKey: KEY, transferId, done: 1, total: 2 };
    expect(await b.t.mutation(api.system.transfers.progress, progress)).toBe(true);
    const finish = { internalKey: KEY, transferId };
    await b.t.mutation(api.system.transfers.finish, { ...finish, status: "cancelled" });
    await b.t.mutation(api.system.transfers.finish, { ...finish, status: "completed" });
    expect(await status()).toBe("cancelled");
    expect(await b.t.mutation(api.system.transfers.progress, progress)).toBe(false);
    await b.t.mutation(api.system.transfers.resetExport, owned);
    expect(await status()).toBeUndefined();
  });
});

test("people's own lists are whole", async () => {
  const b = backend();
  const projectId = await b.ann.mutation(api.projects.create, { name: "First" });
  await b.t.run(async (ctx) => {
    const rest = { updatedAt: 0, filesVersion: 0, tombstoneFloor: 0 };
    for (let i = 0; i < 600; i++) await ctx.db.insert("projects", { ownerId: ANN, name: `p${i}`, ...rest });
    for (let i = 0; i < 300; i++) await ctx.db.insert("conversations", { projectId, title: `c${i}`, updatedAt: 0 });
  });
  expect((await b.ann.query(api.projects.get, {})).length).toBe(601);
  expect((await b.ann.query(api.projects.getPartial, { limit: 550 })).length).toBe(550);
  expect((await b.ann.query(api.conversations.getByProject, { projectId })).length).toBe(300);
});
