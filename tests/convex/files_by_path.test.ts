// @vitest-environment edge-runtime
// Files by path, as the API and workspaces use them.
import { describe, expect, test } from "vitest";
import { api, BOB, refusal } from "./backend.ts";
import { paths, project, read, sha256, write } from "./files.ts";

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
