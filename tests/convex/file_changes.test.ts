// @vitest-environment edge-runtime
// What changed in a project since a version, for workspaces that catch up.
import { describe, expect, test, vi } from "vitest";
import { api, type Backend } from "./backend.ts";
import { type Owned, paths, project, write } from "./files.ts";

describe("changes since a version", () => {
  async function changes({ t }: Backend, owned: Owned, since: number, limit = 100) {
    return await t.query(api.system.files.changes, { ...owned, since, limit });
  }

  test("are what was written, moved and deleted after it", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a", "1");
    await write(b, owned, "b", "1");
    await write(b, owned, "c", "1");
    const { version } = await changes(b, owned, 0);
    await write(b, owned, "a", "2");
    await b.t.mutation(api.system.files.remove, { ...owned, path: "b" });
    await b.t.mutation(api.system.files.rename, { ...owned, path: "c", newPath: "d" });
    const later = await changes(b, owned, version);
    expect(later.changed.map((file) => file.path).sort()).toEqual(["a", "d"]);
    expect([...later.deleted].sort()).toEqual(["b", "c"]);
    expect([later.hasMore, later.isFull]).toEqual([false, false]);
    expect(await changes(b, owned, later.version)).toMatchObject({ changed: [], deleted: [] });
  });

  test("do not call a path deleted at which something stands again", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a", "1");
    const { version } = await changes(b, owned, 0);
    await b.t.mutation(api.system.files.remove, { ...owned, path: "a" });
    await write(b, owned, "a", "2");
    const later = await changes(b, owned, version);
    expect([later.changed.length, later.deleted]).toEqual([1, []]);
  });

  test("come in pages, whatever their number, and miss nothing that happens meanwhile", async () => {
    const { b, owned } = await project();
    await write(b, owned, "before", "1");
    let { version: since } = await changes(b, owned, 0);
    for (let i = 0; i < 10; i++) await write(b, owned, `f${i}`, "1");
    const seen = new Set(["before"]);
    for (let asked = 0; ; asked++) {
      const page = await changes(b, owned, since, 3);
      for (const path of page.deleted) seen.delete(path);
      for (const file of page.changed) seen.add(file.path);
      since = page.version;
      if (asked === 0) await b.t.mutation(api.system.files.remove, { ...owned, path: "f0" });
      if (!page.hasMore) {
        expect(asked).toBe(3);
        break;
      }
    }
    expect([...seen].sort()).toEqual((await paths(b, owned)).sort());
    expect(since).toBe(12);
  });

  test("are everything for whoever begins: list it, and go on from the version", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a", "1");
    expect(await changes(b, owned, 0)).toEqual({
      version: 1,
      changed: [],
      deleted: [],
      hasMore: false,
      isFull: true,
    });
  });

  test("start anew for whoever is further behind than the tombstones go", async () => {
    vi.useFakeTimers();
    try {
      const { b, owned } = await project();
      await write(b, owned, "a", "1");
      await write(b, owned, "b", "1");
      const { version } = await changes(b, owned, 0);
      await b.t.mutation(api.system.files.remove, { ...owned, path: "a" });
      vi.advanceTimersByTime(8 * 24 * 3_600_000);
      const { internal } = await import("../../convex/_generated/api");
      await b.t.mutation(internal.system.sweep.tombstones, {});
      const later = await changes(b, owned, version);
      expect([later.isFull, later.version]).toEqual([true, 3]);
      expect((await changes(b, owned, later.version)).isFull).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});
