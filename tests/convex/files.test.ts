// @vitest-environment edge-runtime
// Files by id, as user interfaces use them.
import { describe, expect, test, vi } from "vitest";
import { api, refusal } from "./backend.ts";
import { paths, project, write } from "./files.ts";

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
