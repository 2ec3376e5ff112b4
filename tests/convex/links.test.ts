// @vitest-environment edge-runtime
// What a file is: regular, executable, or a symbolic link that stays in its project.
import { describe, expect, test } from "vitest";
import links from "../contracts/links.json";
import { api, refusal } from "./backend.ts";
import { project, read, sha256 } from "./files.ts";

type Mode = "regular" | "executable" | "symlink";

async function made() {
  const { b, owned, projectId } = await project();
  const put = async (path: string, text: string, mode?: Mode, expected?: string) => {
    const size = new TextEncoder().encode(text).length;
    const file = { path, size, sha256: await sha256(text), text, mode };
    return await b.t.mutation(api.system.files.write, { ...owned, file, expectedSha256: expected });
  };
  const stat = async (path: string) => await b.t.query(api.system.files.stat, { ...owned, path });
  return { b, owned, projectId, put, stat };
}

describe("the executable bit", () => {
  test("stays with a new content, and goes only where that is said", async () => {
    const { put, stat } = await made();
    expect((await put("run.sh", "1")).mode).toBeUndefined();
    expect((await put("run.sh", "1", "executable")).mode).toBe("executable");
    expect((await put("run.sh", "2")).mode).toBe("executable");
    const { version } = await stat("run.sh");
    expect((await put("run.sh", "2", "executable")).version).toBe(version);
    expect((await put("run.sh", "2", "regular")).mode).toBeUndefined();
    expect((await stat("run.sh")).version).toBe(version + 1);
  });

  test("is a change of its own, which the content seen before guards", async () => {
    const { put, b, owned } = await made();
    const { version, sha256: seen } = await put("run.sh", "1");
    await put("run.sh", "1", "executable", seen);
    const changes = await b.t.query(api.system.files.changes, { ...owned, since: version, limit: 10 });
    expect(changes.changed.map((row) => [row.path, row.mode])).toEqual([["run.sh", "executable"]]);
    expect(await refusal(put("run.sh", "1", "regular", await sha256("0")))).toMatchObject({ code: "file_changed" });
  });

  test("moves with the file, and people see it", async () => {
    const { put, b, owned, projectId } = await made();
    await put("run.sh", "1", "executable");
    await b.t.mutation(api.system.files.rename, { ...owned, path: "run.sh", newPath: "bin/run.sh" });
    const rows = await b.ann.query(api.files.getFiles, { projectId });
    expect(rows.map((row) => [row.path, row.mode])).toEqual([
      ["bin", undefined],
      ["bin/run.sh", "executable"],
    ]);
  });
});

describe("symbolic links", () => {
  test.each(links.inside)("%s -> %s is kept", async (path, target) => {
    const { put, owned, b } = await made();
    expect(await put(path as string, target as string, "symlink")).toMatchObject({ kind: "file", mode: "symlink" });
    expect(await read(b, owned, path as string)).toBe(target);
  });

  test.each(links.outside)("%s -> %j is refused", async (path, target) => {
    const { put, stat } = await made();
    expect(await refusal(put(path as string, target as string, "symlink"))).toMatchObject({
      code: expect.stringMatching(/^bad_(link|path)$/),
    });
    expect(await refusal(stat(path as string))).toMatchObject({ code: "not_found" });
  });

  test("a file that is written where one stands takes its place, unless a person edits the link", async () => {
    const { put, b, projectId } = await made();
    await put("link", "a", "symlink");
    expect((await put("link", "a")).mode).toBeUndefined();
    await put("link", "a", "symlink");
    const rows = await b.ann.query(api.files.getFolderContents, { projectId });
    const id = rows[0]?._id as never;
    await b.ann.mutation(api.files.updateFile, { id, content: "b" });
    expect(await b.ann.query(api.files.getFile, { id })).toMatchObject({ content: "b", mode: "symlink" });
    expect(await refusal(b.ann.mutation(api.files.updateFile, { id, content: "/etc" }))).toMatchObject({ code: "bad_link" });
  });
});
