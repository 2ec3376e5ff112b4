// @vitest-environment edge-runtime
// How long checkpoints and what they name are kept, and that nothing of a project stays behind.
import { describe, expect, test, vi } from "vitest";
import { internal } from "../../convex/_generated/api";
import { api } from "./backend.ts";
import { type Desk, desk, remove, write } from "./undoing.ts";

const DAY = 24 * 3_600_000;

async function counts(d: Desk) {
  return await d.b.t.run(async (ctx) => ({
    checkpoints: (await ctx.db.query("checkpoints").collect()).length,
    files: (await ctx.db.query("checkpointFiles").collect()).length,
    contents: (await ctx.db.query("keptContents").collect()).map((row) => row.text ?? "<blob>"),
    blobs: (await ctx.db.system.query("_storage").collect()).length,
  }));
}

async function withTimers(work: () => Promise<void>) {
  vi.useFakeTimers();
  try {
    await work();
  } finally {
    vi.useRealTimers();
  }
}

async function blob(d: Desk, text: string) {
  const storageId = await d.b.t.run(async (ctx) => await ctx.storage.store(new Blob([text])));
  return { size: text.length, sha256: text.padEnd(64, "0"), storageId };
}

describe("checkpoints", () => {
  test("older than 30 days go, with the contents that no other names", async () => {
    await withTimers(async () => {
      const d = await desk();
      await d.person("a.txt", "one\n");
      await d.turn([write("a.txt", "two\n")]);
      vi.advanceTimersByTime(29 * DAY);
      await d.turn([write("a.txt", "three\n")]);
      await d.end();
      expect((await counts(d)).contents).toEqual(["one\n", "two\n"]);
      await d.b.t.mutation(internal.system.sweep.checkpoints, {});
      await d.b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect(await counts(d)).toMatchObject({ checkpoints: 2 });
      vi.advanceTimersByTime(2 * DAY);
      await d.b.t.mutation(internal.system.sweep.checkpoints, {});
      await d.b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect(await counts(d)).toMatchObject({ checkpoints: 1, files: 1, contents: ["two\n"] });
      const [left] = await d.checkpoints();
      await d.restore(left?.checkpointId ?? "");
      expect(await d.tree()).toEqual({ "a.txt": "two\n" });
    });
  });

  test("beyond the last 200 of a project go, and beyond 500 MB", async () => {
    await withTimers(async () => {
      const d = await desk();
      await d.turn([write("a.txt", "1\n")]);
      await d.end();
      const [first] = await d.checkpoints();
      const projectId = first?.projectId as NonNullable<typeof first>["projectId"];
      await d.b.t.run(async (ctx) => {
        const row = await ctx.db.query("checkpoints").first();
        if (row === null) throw new Error("no checkpoint");
        const { _id, _creationTime, ...fields } = row;
        for (let number = 2; number <= 205; number += 1) await ctx.db.insert("checkpoints", { ...fields, number });
      });
      await d.b.t.mutation(internal.system.sweep.checkpointsOf, { projectId });
      await d.b.t.finishAllScheduledFunctions(vi.runAllTimers, 500);
      expect(await counts(d)).toMatchObject({ checkpoints: 200, files: 0 });
      await d.b.t.run(async (ctx) => {
        const newest = await ctx.db.query("checkpoints").order("desc").take(3);
        for (const row of newest) await ctx.db.patch(row._id, { bytes: 200_000_000 });
      });
      await d.b.t.mutation(internal.system.sweep.checkpointsOf, { projectId });
      await d.b.t.finishAllScheduledFunctions(vi.runAllTimers, 500);
      expect(await counts(d)).toMatchObject({ checkpoints: 2 });
    });
  });

  test("go with their project, and so do blobs that only they hold", async () => {
    await withTimers(async () => {
      const d = await desk();
      await d.b.t.mutation(api.system.files.write, { ...d.owned, file: { path: "a.bin", ...(await blob(d, "one")) } });
      await d.person("b.txt", "two\n");
      await d.turn([remove("a.bin"), write("b.txt", "three\n")]);
      await d.end();
      expect(await counts(d)).toMatchObject({ checkpoints: 1, files: 2, blobs: 1 });
      await d.b.t.mutation(api.system.projects.remove, d.owned);
      await d.b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect(await counts(d)).toEqual({ checkpoints: 0, files: 0, contents: [], blobs: 0 });
    });
  });
});

describe("a blob", () => {
  test("is not deleted while a checkpoint names it, also by the sweep, and is shared with the file that it came back to", async () => {
    await withTimers(async () => {
      const d = await desk();
      await d.b.t.mutation(api.system.files.write, { ...d.owned, file: { path: "a.bin", ...(await blob(d, "one")) } });
      await d.turn([remove("a.bin")]);
      await d.end();
      vi.advanceTimersByTime(2 * DAY);
      await d.b.t.mutation(internal.system.sweep.orphanBlobs, {});
      expect(await counts(d)).toMatchObject({ contents: ["<blob>"], blobs: 1 });
      const [turn] = await d.checkpoints();
      await d.restore(turn?.checkpointId ?? "");
      expect(await d.tree()).toEqual({ "a.bin": "<blob>" });
      await d.personRemoves("a.bin");
      expect(await counts(d)).toMatchObject({ blobs: 1 });
      vi.advanceTimersByTime(31 * DAY);
      await d.b.t.mutation(internal.system.sweep.checkpoints, {});
      await d.b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect(await counts(d)).toEqual({ checkpoints: 0, files: 0, contents: [], blobs: 0 });
    });
  });

  test("that no checkpoint names goes with its file, as before", async () => {
    const d = await desk();
    await d.b.t.mutation(api.system.files.write, { ...d.owned, file: { path: "a.bin", ...(await blob(d, "one")) } });
    await d.b.t.mutation(api.system.files.write, { ...d.owned, file: { path: "a.bin", ...(await blob(d, "two")) } });
    expect(await counts(d)).toMatchObject({ contents: [], blobs: 1 });
    await d.personRemoves("a.bin");
    expect(await counts(d)).toMatchObject({ contents: [], blobs: 0 });
  });
});
