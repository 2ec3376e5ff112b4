// @vitest-environment edge-runtime
// What becomes of an editor's autosave when the agent has written the file since: nothing of anybody goes in silence.
import { afterEach, describe, expect, test, vi } from "vitest";
import { api, refusal } from "./backend.ts";
import { project, read, sha256, write } from "./files.ts";

afterEach(() => {
  vi.useRealTimers();
});

const OPENED = "import one\nimport two\n\nstart()\n\nrun()\n\nfinish()\n";
const BY_AGENT = OPENED.replace("import two\n", "import two\nimport three\nimport four\n");

/** A file that an editor has open, and that the agent has written since. */
async function opened(agents: string = BY_AGENT) {
  const { b, owned, projectId } = await project();
  await write(b, owned, "a.ts", OPENED);
  const [file] = await b.ann.query(api.files.getFolderContents, { projectId });
  const id = file?._id as NonNullable<typeof file>["_id"];
  await write(b, owned, "a.ts", agents);
  return {
    b,
    owned,
    id,
    save: async (content: string, expectedSha256?: string) => await b.ann.mutation(api.files.updateFile, { id, content, expectedSha256 }),
    stands: async () => await read(b, owned, "a.ts"),
  };
}

describe("an editor that saves without a hash", () => {
  test("is told hash and version, which listings have, too", async () => {
    const { b, id, save } = await opened();
    const saved = await save(BY_AGENT.replace("run()", "walk()"));
    const file = await b.ann.query(api.files.getFile, { id });
    expect(saved).toEqual({ sha256: await sha256(file.content ?? ""), version: file.version });
    expect(file.sha256).toBe(saved.sha256);
  });

  test("keeps what the agent wrote, each time it saves", async () => {
    const { save, stands } = await opened();
    await save(OPENED.replace("finish()", "finish(1)"));
    expect(await stands()).toBe(BY_AGENT.replace("finish()", "finish(1)"));
    await save(OPENED.replace("finish()", "finish(12)"));
    expect(await stands()).toBe(BY_AGENT.replace("finish()", "finish(12)"));
    await save(OPENED.replace("finish()", "finish(12)").replace("start()", "begin()"));
    expect(await stands()).toBe(BY_AGENT.replace("finish()", "finish(12)").replace("start()", "begin()"));
  });

  test("is refused where both changed the same lines, and nothing is written", async () => {
    const agents = OPENED.replace("run()", "runAllOfThem()");
    const { save, stands } = await opened(agents);
    expect(await refusal(save(OPENED.replace("run()", "run(5)")))).toMatchObject({ kind: "conflict", code: "file_changed" });
    expect(await stands()).toBe(agents);
  });

  test("may change what the agent wrote once it shows that, and take it back", async () => {
    const { save, stands } = await opened();
    const fewer = BY_AGENT.replace("import four\n", "");
    await save(fewer);
    expect(await stands()).toBe(fewer);
    await save(OPENED);
    expect(await stands()).toBe(OPENED);
  });

  test("may change the very line that the agent changed", async () => {
    const { save, stands } = await opened(OPENED.replace("run()", "runAllOfThem()"));
    const mine = OPENED.replace("run()", "runAllOfThem(2)");
    await save(mine);
    expect(await stands()).toBe(mine);
  });

  test("may write over lines where the agent took some away", async () => {
    const { save, stands } = await opened(OPENED.replace("start()\n\n", ""));
    const mine = OPENED.replace("start()\n\n", "").replace("run()", "run(2)");
    await save(mine);
    expect(await stands()).toBe(mine);
  });

  test("does not bring back what the agent replaced when nothing was typed", async () => {
    const { save, stands } = await opened();
    expect(await refusal(save(OPENED))).toMatchObject({ code: "file_changed" });
    expect(await stands()).toBe(BY_AGENT);
  });

  test("writes freely where nobody else has, and after the agent has saved what it saved", async () => {
    const { b, owned, id, save, stands } = await opened();
    await save(BY_AGENT);
    await save("mine\n");
    expect(await stands()).toBe("mine\n");
    await b.ann.mutation(api.files.renameFile, { id, newName: "b.ts" });
    await save("again\n");
    expect(await read(b, owned, "b.ts")).toBe("again\n");
  });

  test("writes freely a day later", async () => {
    vi.useFakeTimers();
    const { b, save, stands } = await opened();
    vi.advanceTimersByTime(24 * 3_600_000);
    await save("all else\n");
    expect(await stands()).toBe("all else\n");
    const rows = async () => await b.t.run(async (ctx) => await ctx.db.query("editorBases").take(5));
    expect(await rows()).toEqual([]);
  });
});

describe("an editor that names the hash that it has read", () => {
  test("writes over that and nothing else", async () => {
    const { save, stands } = await opened();
    expect(await refusal(save("mine\n", await sha256(OPENED)))).toMatchObject({ code: "file_changed" });
    const { sha256: next } = await save("mine\n", await sha256(BY_AGENT));
    expect(await stands()).toBe("mine\n");
    await save("more\n", next);
    expect(await stands()).toBe("more\n");
  });
});

test("a file that goes takes with it what editors may show", async () => {
  const { b, id } = await opened();
  await b.ann.mutation(api.files.deleteFile, { id });
  expect(await b.t.run(async (ctx) => await ctx.db.query("editorBases").take(5))).toEqual([]);
});
