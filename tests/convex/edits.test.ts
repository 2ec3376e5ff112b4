// @vitest-environment edge-runtime
// Changes that were made on a disk, all of them or none.
import { describe, expect, test } from "vitest";
import { api, refusal } from "./backend.ts";
import { type Owned, paths, project, read, sha256, write } from "./files.ts";

async function written(path: string, text: string, expected: string) {
  const size = new TextEncoder().encode(text).length;
  const expectedSha256 = expected && (await sha256(expected));
  return { kind: "write" as const, path, size, text, sha256: await sha256(text), expectedSha256 };
}

describe("edits", () => {
  test("are made in order, and again without harm", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a.txt", "one");
    const edits = [
      { kind: "makeFolder" as const, path: "empty" },
      await written("a.txt", "two", "one"),
      await written("src/new.txt", "new", ""),
    ];
    await b.t.mutation(api.system.edits.apply, { ...owned, edits });
    await b.t.mutation(api.system.edits.apply, { ...owned, edits });
    expect(await paths(b, owned)).toEqual(["a.txt", "empty", "src", "src/new.txt"]);
    expect(await read(b, owned, "a.txt")).toBe("two");
  });

  test("make a folder anew that an edit before has moved or deleted", async () => {
    const { b, owned } = await project();
    const edits = [
      await written("src/deep/a.txt", "a", ""),
      { kind: "rename" as const, path: "src", newPath: "lib" },
      await written("src/deep/b.txt", "b", ""),
      { kind: "delete" as const, path: "src" },
      await written("src/c.txt", "c", ""),
    ];
    await b.t.mutation(api.system.edits.apply, { ...owned, edits });
    expect(await paths(b, owned)).toEqual(["lib", "lib/deep", "lib/deep/a.txt", "src", "src/c.txt"]);
    expect(await read(b, owned, "src/c.txt")).toBe("c");
  });

  test("are none when one is based on another text", async () => {
    const { b, owned } = await project();
    await write(b, owned, "a.txt", "theirs");
    const edits = [await written("b.txt", "b", ""), await written("a.txt", "mine", "one")];
    expect(await refusal(b.t.mutation(api.system.edits.apply, { ...owned, edits }))).toMatchObject({ code: "file_changed" });
    expect(await paths(b, owned)).toEqual(["a.txt"]);
    expect(await read(b, owned, "a.txt")).toBe("theirs");
  });

  test("are the owner's alone", async () => {
    const { b, owned } = await project();
    const others: Owned = { ...owned, ownerId: "somebody-else" };
    const edits = [await written("b.txt", "b", "")];
    expect(await refusal(b.t.mutation(api.system.edits.apply, { ...others, edits }))).toMatchObject({ code: "not_found" });
    expect(await paths(b, owned)).toEqual([]);
  });
});
