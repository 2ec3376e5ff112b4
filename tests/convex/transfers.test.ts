// @vitest-environment edge-runtime
// Imports and exports: asked for once per key, no write after the end, files of a failed import go, lost ones are closed.
import { describe, expect, test, vi } from "vitest";
import { internal } from "../../convex/_generated/api";
import { ANN, api, backend, KEY, refusal } from "./backend.ts";

const far = { done: 1, total: 2, bytes: 1, totalBytes: 2 };

function file(path: string) {
  return { path, size: 1, sha256: path, text: "x" };
}

async function importing(b = backend()) {
  const args = {
    internalKey: KEY,
    ownerId: ANN,
    name: "P",
    externalId: "k",
    event: "github/import.requested" as const,
    data: { repository: "o/r" },
  };
  const ask = async () => await b.t.mutation(api.system.transfers.requestImport, args);
  const asked = await ask();
  const { projectId } = asked.project;
  const { transferId } = asked.transfer;
  const write = async (path: string) =>
    await b.t.mutation(api.system.transfers.write, { internalKey: KEY, transferId, files: [file(path)], ...far });
  const files = async () => (await b.ann.query(api.files.getFiles, { projectId })).map((row) => row.path);
  return { b, ask, asked, projectId, transferId, write, files };
}

describe("an import", () => {
  test("is asked for once per key, with one event that names it", async () => {
    const { ask, asked, projectId, transferId } = await importing();
    expect(asked.events.map((event) => event.data)).toEqual([{ repository: "o/r", transferId, projectId }]);
    expect(asked.project.importStatus).toBe("importing");
    expect(await ask()).toEqual(asked);
  });

  test("writes nothing once it was cancelled, and leaves no file of its own", async () => {
    vi.useFakeTimers();
    try {
      const { b, projectId, write, files } = await importing();
      await write("a/b/c");
      await write("a/d");
      const owned = { internalKey: KEY, ownerId: ANN, projectId };
      const cancelled = await b.t.mutation(api.system.transfers.cancel, { ...owned, kind: "import" });
      expect(cancelled.events.map((event) => event.name)).toEqual(["transfer/cancelled"]);
      expect((await refusal(write("e"))).code).toBe("transfer_over");
      vi.advanceTimersByTime(5);
      await b.t.mutation(api.system.files.write, { ...owned, file: file("a/later") });
      await b.t.finishAllScheduledFunctions(vi.runAllTimers, 100);
      expect(await files()).toEqual(["a", "a/later"]);
      expect((await b.t.mutation(api.system.transfers.cancel, { ...owned, kind: "import" })).events).toEqual([]);
      const [shown] = await b.ann.query(api.transfers.latest, { projectId });
      expect(shown).toMatchObject({ status: "cancelled", errorCode: "cancelled", done: 1 });
    } finally {
      vi.useRealTimers();
    }
  });

  test("that nothing was heard of for a day is closed, a younger one is not", async () => {
    vi.useFakeTimers();
    try {
      const { b, projectId } = await importing();
      const status = async () => (await b.ann.query(api.projects.getById, { id: projectId })).importStatus;
      vi.advanceTimersByTime(23 * 3_600_000);
      await b.t.mutation(internal.system.sweep.lostTransfers, {});
      expect(await status()).toBe("importing");
      vi.advanceTimersByTime(2 * 3_600_000);
      await b.t.mutation(internal.system.sweep.lostTransfers, {});
      expect(await status()).toBe("failed");
    } finally {
      vi.useRealTimers();
    }
  });
});
