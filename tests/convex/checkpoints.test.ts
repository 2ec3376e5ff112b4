// @vitest-environment edge-runtime
// What turns changed is recorded with the change, and brought back by restores.
import { describe, expect, test } from "vitest";
import { api, refusal } from "./backend.ts";
import { desk, folder, remove, rename, write } from "./undoing.ts";

const TEN = Array.from({ length: 10 }, (_, i) => `line ${i}\n`).join("");
const with_ = (text: string, line: number, to: string) => text.replace(`line ${line}\n`, `${to}\n`);

describe("recording", () => {
  test("a turn has one checkpoint, with the first before and the last after of its calls", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.turn([write("a.txt", "two\n")], [write("a.txt", "three\nfour\n"), write("b.txt", "new\n")]);
    await d.turn([]);
    const [only, ...none] = await d.checkpoints();
    expect(none).toEqual([]);
    expect(only).toMatchObject({ kind: "turn", turn: 0, fileCount: 2, added: 3, removed: 1 });
    expect(only?.messageId).toBe((await d.writing()).messageId);
    expect(only?.files).toMatchObject([
      { path: "a.txt", status: "changed", added: 2, removed: 1 },
      { path: "b.txt", status: "created", added: 1, removed: 0 },
    ]);
  });

  test("what a turn changes and changes back is no change", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.turn([write("a.txt", "two\n")], [write("a.txt", "one\n")]);
    expect((await d.checkpoints())[0]).toMatchObject({ fileCount: 0, added: 0, removed: 0 });
  });

  test("a call that is finished again, as after a crash, is not recorded again and loses nothing", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.turn([write("a.txt", "two\n")]);
    const { turn } = await d.writing();
    Object.assign(await d.writing(), { turn: turn - 1 });
    await d.call("call-0-0", [write("a.txt", "three\n")]);
    await d.end();
    const [only, ...none] = await d.checkpoints();
    expect(none).toEqual([]);
    await d.restore(only?.checkpointId ?? "");
    expect(await d.tree()).toEqual({ "a.txt": "one\n" });
  });

  test("what a person changes has no checkpoint", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.person("a.txt", "two\n");
    await d.personRemoves("a.txt");
    expect(await d.checkpoints()).toEqual([]);
    expect(await d.b.t.run((ctx) => ctx.db.query("keptContents").collect())).toEqual([]);
  });

  test("equal contents are kept once, and only what files have let go of", async () => {
    const d = await desk();
    await d.person("a.txt", "same\n");
    await d.person("b.txt", "same\n");
    await d.turn([write("a.txt", "1\n"), write("b.txt", "2\n")], [write("b.txt", "3\n")]);
    const kept = await d.b.t.run((ctx) => ctx.db.query("keptContents").collect());
    expect(kept.map((row) => row.text)).toEqual(["same\n"]);
  });
});

describe("restoring", () => {
  test("brings back what was edited, made, deleted and moved, folders and all", async () => {
    const d = await desk();
    await d.person("src/a.txt", "one\n");
    await d.person("src/deep/b.txt", "b\n");
    await d.person("gone.txt", "gone\n");
    const before = await d.tree();
    await d.turn(
      [write("src/a.txt", "two\n"), write("new/deep/c.txt", "c\n"), folder("empty")],
      [remove("gone.txt"), rename("src", "lib")],
    );
    await d.end();
    const after = await d.tree();
    const [made] = await d.checkpoints();
    const back = await d.restore(made?.checkpointId ?? "");
    expect(await d.tree()).toEqual(before);
    expect(back.outcome).toMatchObject({ merged: [], conflicts: [], unchanged: [], notTold: 0 });
    expect(back.outcome.restored.toSorted()).toEqual(
      ["empty", "gone.txt", "lib", "lib/a.txt", "lib/deep", "lib/deep/b.txt", "new", "new/deep", "new/deep/c.txt"]
        .concat(["src", "src/a.txt", "src/deep", "src/deep/b.txt"])
        .toSorted(),
    );
    await d.restore(back.checkpointId);
    expect(await d.tree()).toEqual(after);
  });

  test("undoes all later turns too, also where a file became a folder and a folder a file", async () => {
    const d = await desk();
    await d.person("x", "a file\n");
    await d.person("y/z.txt", "in a folder\n");
    const before = await d.tree();
    await d.turn([remove("x"), write("x/in.txt", "1\n")]);
    await d.turn([remove("y"), write("y", "a file now\n")]);
    await d.end();
    const all = await d.checkpoints();
    const back = await d.restore(all[1]?.checkpointId ?? "");
    expect(back.outcome.conflicts).toEqual([]);
    expect(await d.tree()).toEqual(before);
  });

  test("merges with what a person has edited since, in a file that the agent changed twice", async () => {
    const d = await desk();
    await d.person("a.txt", TEN);
    await d.turn([write("a.txt", with_(TEN, 1, "agent"))]);
    await d.person("a.txt", with_(with_(TEN, 1, "agent"), 8, "person"));
    await d.turn([write("a.txt", with_(with_(with_(TEN, 1, "agent"), 8, "person"), 4, "again"))]);
    await d.end();
    const [, first] = await d.checkpoints();
    const back = await d.restore(first?.checkpointId ?? "");
    expect(back.outcome).toMatchObject({ restored: [], merged: ["a.txt"], conflicts: [] });
    expect(await d.tree()).toEqual({ "a.txt": with_(TEN, 8, "person") });
  });

  test("keeps a person's edit that came between two calls of one turn", async () => {
    const d = await desk();
    await d.person("a.txt", TEN);
    await d.turn([write("a.txt", with_(TEN, 1, "agent"))]);
    const answer = await d.writing();
    await d.person("a.txt", with_(with_(TEN, 1, "agent"), 8, "person"));
    answer.turn -= 1;
    await d.b.t.run(async (ctx) => {
      const [row] = await ctx.db.query("toolCalls").collect();
      if (row !== undefined) await ctx.db.patch(row._id, { status: "running", output: undefined });
    });
    await d.call("call-0-0", [write("a.txt", with_(with_(with_(TEN, 1, "agent"), 8, "person"), 4, "again"))]);
    await d.end();
    const [only] = await d.checkpoints();
    expect(only?.files.length).toBe(2);
    await d.restore(only?.checkpointId ?? "");
    expect(await d.tree()).toEqual({ "a.txt": with_(TEN, 8, "person") });
  });

  test("leaves what cannot be merged as it is, says why, and brings back the rest", async () => {
    const d = await desk();
    await d.person("same.txt", TEN);
    await d.person("deleted.txt", "1\n");
    await d.person("taken.txt", "1\n");
    await d.person("fine.txt", "1\n");
    await d.turn(
      [write("same.txt", with_(TEN, 1, "agent")), write("deleted.txt", "2\n"), remove("taken.txt"), write("fine.txt", "2\n")],
      [write("made.txt", "agent\n"), write("folder/own.txt", "agent\n")],
    );
    await d.end();
    await d.person("same.txt", with_(TEN, 1, "person"));
    await d.personRemoves("deleted.txt");
    await d.person("taken.txt", "person\n");
    await d.person("made.txt", "agent and person\n");
    await d.person("folder/theirs.txt", "person\n");
    const [only] = await d.checkpoints();
    const { outcome } = await d.restore(only?.checkpointId ?? "");
    expect(outcome.restored.toSorted()).toEqual(["fine.txt", "folder/own.txt"]);
    expect(Object.fromEntries(outcome.conflicts.map(({ path, reason }) => [path, reason]))).toEqual({
      "same.txt": "it was edited since, in the same lines",
      "deleted.txt": "it was deleted or moved since",
      "taken.txt": "something else stands there now",
      "made.txt": "it was edited since the agent made it",
      folder: "the folder holds something else by now",
    });
    expect(await d.tree()).toEqual({
      ...{ "same.txt": with_(TEN, 1, "person"), "taken.txt": "person\n", "fine.txt": "1\n", "made.txt": "agent and person\n" },
      ...{ folder: null, "folder/theirs.txt": "person\n" },
    });
  });

  test("touches nothing that no turn has changed", async () => {
    const d = await desk();
    await d.turn([write("a.txt", "agent\n")]);
    await d.end();
    await d.person("b.txt", "person\n");
    const [only] = await d.checkpoints();
    await d.restore(only?.checkpointId ?? "");
    expect(await d.tree()).toEqual({ "b.txt": "person\n" });
  });

  test("is made once for each key", async () => {
    const d = await desk();
    await d.person("a.txt", "one\n");
    await d.turn([write("a.txt", "two\n")]);
    await d.end();
    const [only] = await d.checkpoints();
    const once = await d.restore(only?.checkpointId ?? "", "key");
    await d.person("a.txt", "three\n");
    expect(await d.restore(only?.checkpointId ?? "", "key")).toEqual(once);
    expect((await d.checkpoints()).length).toBe(2);
    expect(await d.tree()).toEqual({ "a.txt": "three\n" });
  });

  test("is refused while an answer is being written, and of a checkpoint of another project", async () => {
    const d = await desk();
    await d.turn([write("a.txt", "agent\n")]);
    const [only] = await d.checkpoints();
    const busy = await refusal(d.restore(only?.checkpointId ?? ""));
    expect(busy).toMatchObject({ kind: "conflict", code: "message_in_progress", messageId: (await d.writing()).messageId });
    await d.end();
    const other = await d.b.ann.mutation(api.projects.create, { name: "Other" });
    const args = { ...d.owned, projectId: other, checkpointId: only?.checkpointId ?? "", externalId: "k" };
    expect((await refusal(d.b.t.mutation(api.system.checkpoints.restore, args))).kind).toBe("not_found");
  });
});
