// @vitest-environment edge-runtime
// Files: by id as user interfaces use them, by path as the API and workspaces do.
import { describe, expect, test, vi } from "vitest";
import { ANN, api, type Backend, backend, BOB, chat, KEY, refusal } from "./backend.ts";

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function project() {
  const b = backend();
  const { projectId } = await chat(b);
  return { b, projectId, owned: { internalKey: KEY, ownerId: ANN, projectId: projectId as string } };
}
type Owned = Awaited<ReturnType<typeof project>>["owned"];

async function write({ t }: Backend, owned: Owned, path: string, text: string, expected?: string) {
  const size = new TextEncoder().encode(text).length;
  const file = { path, size, sha256: await sha256(text), text };
  const expectedSha256 = expected === undefined ? undefined : expected && (await sha256(expected));
  return await t.mutation(api.system.files.write, { ...owned, file, expectedSha256 });
}

async function paths({ t }: Backend, owned: Owned) {
  const page = await t.query(api.system.files.list, { ...owned, limit: 1_000 });
  return page.items.map((item) => item.path);
}

async function read({ t }: Backend, owned: Owned, path: string) {
  return (await t.query(api.system.files.read, { ...owned, path })).text;
}

describe("by path", () => {
  test("a write makes the folders around it", async () => {
    const { b, owned } = await project();
    const file = await write(b, owned, "src/lib/a.ts", "1");
    expect(file).toMatchObject({ path: "src/lib/a.ts", name: "a.ts", kind: "file", sizeBytes: 1 });
    expect(await paths(b, owned)).toEqual(["src", "src/lib", "src/lib/a.ts"]);
    expect(await read(b, owned, "src/lib/a.ts")).toBe("1");
  });

  test("an empty file is a file", async () => {
    const { b, owned } = await project();
    await write(b, owned, "empty", "");
    expect(await read(b, owned, "empty")).toBe("");
  });

  test("the same content again changes nothing, not even with a stale guard", async () => {
    const { b, owned } = await project();
    const first = await write(b, owned, "a", "1", "");
    expect(await write(b, owned, "a", "1", "")).toEqual(first);
  });

  test("a write on something that changed is refused", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a", "1");
    await write(b, owned, "a", "2", "1");
    expect((await refusal(write(b, owned, "a", "3", "1"))).code).toBe("file_changed");
    expect((await refusal(write(b, owned, "a", "3", ""))).code).toBe("file_changed");
    expect(await read(b, owned, "a")).toBe("2");
  });

  test("a file and a folder cannot share a name", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a/b", "1");
    expect((await refusal(write(b, owned, "a", "1"))).code).toBe("is_a_folder");
    expect((await refusal(write(b, owned, "a/b/c", "1"))).code).toBe("is_a_file");
    const path = "a/b";
    const folder = b.t.mutation(api.system.files.makeFolder, { ...owned, path });
    expect((await refusal(folder)).code).toBe("is_a_file");
  });

  for (const path of ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a\0b", "a\\b", "a\nb", "x".repeat(256)]) {
    test(`${JSON.stringify(path.slice(0, 20))} names no file`, async () => {
      const { b, owned } = await project();
      expect((await refusal(write(b, owned, path, "1"))).code).toBe("bad_path");
      expect(await paths(b, owned)).toEqual([]);
    });
  }

  test("a name that agents cannot use is refused wherever one is made", async () => {
    const { b, owned, projectId } = await project();
    await write(b, owned, "a", "1");
    const [a] = await b.ann.query(api.files.getFolderContents, { projectId });
    for (const name of ["a:b.txt", "a\u200bb", "a.", ".git", ".polaris-tmp-1", "a\0", "\ud800"]) {
      const made = [
        write(b, owned, `dir/${name}`, "1"),
        b.t.mutation(api.system.files.makeFolder, { ...owned, path: name }),
        b.t.mutation(api.system.files.rename, { ...owned, path: "a", newPath: `dir/${name}/x` }),
        b.ann.mutation(api.files.createFile, { projectId, name, content: "1" }),
        b.ann.mutation(api.files.createFolder, { projectId, name }),
        b.ann.mutation(api.files.renameFile, { id: a?._id as never, newName: name }),
      ];
      const codes = await Promise.all(made.map(async (work) => (await refusal(work)).code));
      expect(new Set(codes)).toEqual(new Set(["bad_path"]));
    }
    expect(await paths(b, owned)).toEqual(["a"]);
  });

  test("a folder that moves makes no path past the limits, and moves whole or not at all", async () => {
    const { b, owned, projectId } = await project();
    const deep = Array(60).fill("d").join("/");
    const long = Array(3).fill("n".repeat(200)).join("/");
    await write(b, owned, `src/${deep}/a`, "1");
    await write(b, owned, `lib/${long}/b`, "1");
    const before = await paths(b, owned);
    const move = async (path: string, newPath: string) =>
      (await refusal(b.t.mutation(api.system.files.rename, { ...owned, path, newPath }))).code;
    expect(await move("src", Array(50).fill("t").join("/"))).toBe("bad_path");
    expect(await move("lib", Array(3).fill("m".repeat(200)).join("/"))).toBe("bad_path");
    const rows = await b.ann.query(api.files.getFolderContents, { projectId });
    const id = rows.find((row) => row.name === "lib")?._id as never;
    await b.ann.mutation(api.files.renameFile, { id, newName: "l".repeat(255) });
    expect((await paths(b, owned)).filter((path) => !path.startsWith("l"))).toEqual(before.filter((path) => !path.startsWith("l")));
  });

  test("a folder moves with everything in it, once", async () => {
    const { b, owned } = await project();
    await write(b, owned, "old/a", "1");
    await write(b, owned, "old/deep/b", "2");
    await write(b, owned, "older", "3");
    const move = { ...owned, path: "old", newPath: "new/place" };
    await b.t.mutation(api.system.files.rename, move);
    const after = ["new", "new/place", "new/place/a", "new/place/deep", "new/place/deep/b", "older"];
    expect(await paths(b, owned)).toEqual(after);
    expect(await b.t.mutation(api.system.files.rename, move)).toMatchObject({ path: "new/place" });
    expect(await read(b, owned, "new/place/deep/b")).toBe("2");
  });

  test("a move onto something, into itself or from nowhere is refused", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a/x", "1");
    await write(b, owned, "b", "2");
    const move = async (path: string, newPath: string) =>
      (await refusal(b.t.mutation(api.system.files.rename, { ...owned, path, newPath }))).code;
    expect(await move("a", "b")).toBe("already_exists");
    expect(await move("a", "a/y")).toBe("into_itself");
    expect(await move("nope", "c")).toBe("not_found");
    expect(await move("b", "../b")).toBe("bad_path");
  });

  test("a large folder goes in batches, the folder itself last", async () => {
    const { b, owned } = await project();
    for (let batch = 0; batch < 3; batch++) {
      const files = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => ({
          path: `big/${batch}-${i}`,
          size: 1,
          sha256: await sha256("x"),
          text: "x",
        })),
      );
      await b.t.mutation(api.system.files.writeMany, { ...owned, files });
    }
    const remove = async () => await b.t.mutation(api.system.files.remove, { ...owned, path: "big" });
    expect(await remove()).toEqual({ wasThere: true, hasMore: true });
    expect((await paths(b, owned)).length).toBe(101);
    expect(await remove()).toEqual({ wasThere: true, hasMore: false });
    expect(await remove()).toEqual({ wasThere: false, hasMore: false });
    expect(await paths(b, owned)).toEqual([]);
    expect(await b.t.run(async (ctx) => await ctx.db.query("fileTexts").first())).toBeNull();
  }, 20_000);

  test("many files are read at once, what is no file left out", async () => {
    const { b, owned } = await project();
    await write(b, owned, "d/a", "1");
    const paths = ["nope", "d", "d/a"];
    const answer = await b.t.query(api.system.files.readMany, { ...owned, paths });
    expect([answer.seen, answer.files.map((file) => file.text)]).toEqual([3, ["1"]]);
  });

  test("a blob that replaces a text, and a text that replaces a blob, leave nothing behind", async () => {
    const { b, owned } = await project();
    const blob = async (text: string) => await b.t.run(async (ctx) => await ctx.storage.store(new Blob([text])));
    await write(b, owned, "a", "text");
    const storageId = await blob("\0bytes");
    const file = { path: "a", size: 6, sha256: "hash", storageId };
    expect(await b.t.mutation(api.system.files.write, { ...owned, file })).toMatchObject({
      inStorage: true,
    });
    const content = await b.t.query(api.system.files.read, { ...owned, path: "a" });
    expect(content.text).toBeUndefined();
    expect(content.url).toBeTruthy();
    // The same bytes uploaded again: the second blob is dropped, the first stays.
    const again = { ...file, storageId: await blob("\0bytes") };
    await b.t.mutation(api.system.files.write, { ...owned, file: again });
    const blobs = async () => await b.t.run(async (ctx) => (await ctx.db.system.query("_storage").collect()).map((x) => x._id));
    expect(await blobs()).toEqual([storageId]);
    await write(b, owned, "a", "text again");
    expect(await blobs()).toEqual([]);
    expect(await read(b, owned, "a")).toBe("text again");
  });

  test("a file of another owner is not found", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a", "1");
    const theirs = { ...owned, ownerId: BOB };
    expect((await refusal(read(b, theirs, "a"))).message).toBe("Project not found");
    expect((await refusal(write(b, theirs, "a", "2"))).kind).toBe("not_found");
  });
});

describe("spellings of one name", () => {
  const nfc = "caf\u00e9";
  const nfd = "cafe\u0301";

  /** As versions of before have kept it. */
  async function old(b: Backend, projectId: string, path: string, text: string) {
    await b.t.run(async (ctx) => {
      const fileId = await ctx.db.insert("files", {
        projectId: projectId as never,
        path,
        name: path,
        type: "file",
        size: text.length,
        sha256: await sha256(text),
        version: 1,
        updatedAt: 0,
      });
      await ctx.db.insert("fileTexts", { fileId, text });
    });
  }

  test("meet: what is written in one is read, refused, moved and deleted in the other", async () => {
    const { b, owned, projectId } = await project();
    await write(b, owned, `${nfd}/${nfd}`, "1");
    expect(await paths(b, owned)).toEqual([nfc, `${nfc}/${nfc}`]);
    expect(await read(b, owned, `${nfd}/${nfc}`)).toBe("1");
    expect((await refusal(write(b, owned, `${nfc}/${nfd}`, "2", ""))).code).toBe("file_changed");
    const twin = b.ann.mutation(api.files.createFolder, { projectId, name: nfd });
    expect((await refusal(twin)).code).toBe("already_exists");
    const folder = { ...owned, path: nfd };
    const into = b.t.mutation(api.system.files.rename, { ...folder, newPath: `${nfc}/${nfd}/in` });
    expect((await refusal(into)).code).toMatch(/into_itself|is_a_file/);
    const move = { ...folder, newPath: `${nfd}2` };
    await b.t.mutation(api.system.files.rename, move);
    expect(await b.t.mutation(api.system.files.rename, move)).toMatchObject({ path: `${nfc}2` });
    expect(await paths(b, owned)).toEqual([`${nfc}2`, `${nfc}2/${nfc}`]);
    expect((await b.t.mutation(api.system.files.remove, { ...owned, path: `${nfd}2` })).wasThere).toBe(true);
  });

  test("an import that holds both says so and writes nothing", async () => {
    const { b, owned } = await project();
    const file = async (path: string) => ({ path, size: 1, sha256: await sha256(path), text: "1" });
    const files = [await file("a"), await file(nfc), await file(nfd)];
    const both = b.t.mutation(api.system.files.writeMany, { ...owned, files });
    expect((await refusal(both)).code).toBe("same_name");
    expect(await paths(b, owned)).toEqual([]);
  });

  test("a file of before is found, written and moved to its composed name", async () => {
    const { b, owned, projectId } = await project();
    await old(b, projectId, nfd, "1");
    await write(b, owned, nfc, "2", "1");
    expect(await paths(b, owned)).toEqual([nfd]);
    await b.t.mutation(api.system.files.rename, { ...owned, path: nfc, newPath: nfc });
    expect(await paths(b, owned)).toEqual([nfc]);
    expect(await read(b, owned, nfd)).toBe("2");
  });

  test("a project of before that has both gives each by its own", async () => {
    const { b, owned, projectId } = await project();
    await old(b, projectId, nfd, "decomposed");
    await old(b, projectId, nfc, "composed");
    expect([await read(b, owned, nfd), await read(b, owned, nfc)]).toEqual(["decomposed", "composed"]);
    await b.t.mutation(api.system.files.rename, { ...owned, path: nfd, newPath: "other" });
    expect(await paths(b, owned)).toEqual([nfc, "other"]);
  });

  test("a file of before whose name is refused now can be written, moved and deleted", async () => {
    const { b, owned, projectId } = await project();
    await old(b, projectId, "a:b", "1");
    await old(b, projectId, "c:d", "1");
    await write(b, owned, "a:b", "2", "1");
    await b.t.mutation(api.system.files.rename, { ...owned, path: "a:b", newPath: "a-b" });
    await b.t.mutation(api.system.files.remove, { ...owned, path: "c:d" });
    expect(await paths(b, owned)).toEqual(["a-b"]);
  });
});

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

describe("by id", () => {
  test("files and folders are made, listed folders first, and named up to the root", async () => {
    const { b, projectId } = await project();
    await b.ann.mutation(api.files.createFile, { projectId, name: "b.ts", content: "1" });
    await b.ann.mutation(api.files.createFolder, { projectId, name: "src" });
    await b.ann.mutation(api.files.createFile, { projectId, name: "A.ts", content: "2" });
    const top = await b.ann.query(api.files.getFolderContents, { projectId });
    expect(top.map((row) => row.name)).toEqual(["src", "A.ts", "b.ts"]);
    const parentId = top[0]?._id;
    await b.ann.mutation(api.files.createFile, { projectId, parentId, name: "c.ts", content: "3" });
    const inside = await b.ann.query(api.files.getFolderContents, { projectId, parentId });
    const id = inside[0]?._id as never;
    expect(await b.ann.query(api.files.getFilePath, { id })).toEqual([
      { _id: parentId, name: "src" },
      { _id: id, name: "c.ts" },
    ]);
    await b.ann.mutation(api.files.updateFile, { id, content: "new" });
    expect(await b.ann.query(api.files.getFile, { id })).toMatchObject({ content: "new", path: "src/c.ts" });
    const all = await b.ann.query(api.files.getFiles, { projectId });
    expect(all.map((row) => [row.path, row.content])).toEqual([
      ["A.ts", "2"],
      ["b.ts", "1"],
      ["src", undefined],
      ["src/c.ts", "new"],
    ]);
  });

  test("a folder is listed whole, or not at all", async () => {
    const { b, projectId } = await project();
    const fill = async (from: number, to: number) =>
      await b.t.run(async (ctx) => {
        for (let i = from; i < to; i++) {
          const name = `f${String(i).padStart(5, "0")}`;
          await ctx.db.insert("files", { projectId, path: name, name, type: "file", size: 0, version: i, updatedAt: 0 });
        }
      });
    const list = () => b.ann.query(api.files.getFolderContents, { projectId });
    await fill(0, 2_100);
    expect((await list()).map((row) => row.name)).toEqual(Array.from({ length: 2_100 }, (_, i) => `f${String(i).padStart(5, "0")}`));
    await fill(2_100, 8_001);
    expect(await refusal(list())).toMatchObject({ code: "too_many", message: expect.stringContaining("files.listFolder") });
    let cursor: string | null = null;
    const names = new Set<string>();
    do {
      const page: { page: { name: string }[]; isDone: boolean; continueCursor: string } = await b.ann.query(api.files.listFolder, {
        projectId,
        paginationOpts: { numItems: 5_000, cursor },
      });
      for (const row of page.page) names.add(row.name);
      cursor = page.isDone ? null : page.continueCursor;
    } while (cursor !== null);
    expect(names.size).toBe(8_001);
  }, 60_000);

  test("names that are taken are refused with the texts that user interfaces know", async () => {
    const { b, projectId } = await project();
    const file = { projectId, name: "a", content: "" };
    await b.ann.mutation(api.files.createFile, file);
    const text = async (work: Promise<unknown>) => (await refusal(work)).message;
    expect(await text(b.ann.mutation(api.files.createFile, file))).toBe("File already exists");
    expect(await text(b.ann.mutation(api.files.createFolder, { projectId, name: "a" }))).toBe("Folder already exists");
    await b.ann.mutation(api.files.createFile, { ...file, name: "b" });
    const [a] = await b.ann.query(api.files.getFolderContents, { projectId });
    const rename = { id: a?._id as never, newName: "b" };
    expect(await text(b.ann.mutation(api.files.renameFile, rename))).toBe("A file with this name already exists in this location");
    expect(await text(b.ann.mutation(api.files.renameFile, { ...rename, newName: "x/y" }))).toContain("slashes");
  });

  test("a folder is deleted with everything in it", async () => {
    const { b, owned, projectId } = await project();
    await write(b, owned, "src/deep/a", "1");
    await write(b, owned, "src2", "1");
    const [src] = await b.ann.query(api.files.getFolderContents, { projectId });
    await b.ann.mutation(api.files.deleteFile, { id: src?._id as never });
    expect(await paths(b, owned)).toEqual(["src2"]);
  });

  test("a parent in another project, or one that is a file, is refused", async () => {
    const { b, owned, projectId } = await project();
    await write(b, owned, "a", "1");
    const [a] = await b.ann.query(api.files.getFolderContents, { projectId });
    const other = await b.ann.mutation(api.projects.create, { name: "Other" });
    await b.ann.mutation(api.files.createFolder, { projectId: other, name: "d" });
    const [d] = await b.ann.query(api.files.getFolderContents, { projectId: other });
    for (const parentId of [a?._id, d?._id]) {
      const create = b.ann.mutation(api.files.createFile, { projectId, parentId, name: "n", content: "" });
      expect((await refusal(create)).kind).toBe("not_found");
    }
  });

  test("a write raises the project's updatedAt", async () => {
    vi.useFakeTimers();
    try {
      const { b, owned, projectId } = await project();
      const updatedAt = async () => (await b.ann.query(api.projects.getById, { id: projectId })).updatedAt;
      const before = await updatedAt();
      vi.advanceTimersByTime(1_000);
      await write(b, owned, "a", "1");
      expect(await updatedAt()).toBe(before + 1_000);
    } finally {
      vi.useRealTimers();
    }
  });
});
