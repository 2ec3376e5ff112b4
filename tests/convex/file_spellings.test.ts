// @vitest-environment edge-runtime
// One name has several spellings in Unicode.
import { describe, expect, test } from "vitest";
import { api, type Backend, refusal } from "./backend.ts";
import { paths, project, read, sha256, write } from "./files.ts";

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
