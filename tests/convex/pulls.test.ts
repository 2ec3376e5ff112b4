// @vitest-environment edge-runtime
// Pulls: batches that are made once and only on what the merge went by, what is in common afterwards, what excludes what.
import { describe, expect, test } from "vitest";
import { api, KEY, refusal } from "./backend.ts";
import { paths, project, read, sha256, write } from "./files.ts";

const link = { repository: "o/r", branch: "main", folder: "", commit: "base" };

/** A project that was exported as `base`, with a pull of `head` that runs. */
async function pulling() {
  const { b, projectId, owned } = await project();
  let keys = 0;
  const request = async (kind: "pull" | "pullRequest", externalId?: string) => {
    keys += 1;
    return await b.t.mutation(api.system.pulls.request, { ...owned, externalId: externalId ?? `k${keys}`, kind, data: {} });
  };
  const system = { internalKey: KEY };
  const exported = await b.t.mutation(api.system.transfers.requestExport, { ...owned, externalId: "e", data: {} });
  const finish = async (transferId: string, more: object) =>
    await b.t.mutation(api.system.transfers.finish, { ...system, transferId, status: "completed", ...more });
  await finish(exported.transfer.transferId, { link, repoUrl: "https://github.example/o/r" });
  const { transferId } = (await request("pull", "p")).transfer;
  await b.t.mutation(api.system.transfers.progress, { ...system, transferId, commit: "head" });
  const apply = async (batch: { after?: string; upTo: string; removes?: object[]; writes?: object[]; conflicts?: object[] }) => {
    const whole = { after: "", removes: [], writes: [], conflicts: [], done: 1, total: 2, ...batch };
    return await b.t.mutation(api.system.pulls.apply, { ...system, transferId, batch: whole as never });
  };
  const shown = async () => (await b.ann.query(api.projects.getById, { id: projectId })).repository;
  return { b, owned, projectId, request, transferId, apply, finish, shown };
}

async function content(path: string, text: string, expected = "") {
  const seen = expected === "" ? "" : await sha256(expected);
  return { path, size: text.length, sha256: await sha256(text), text, mode: "regular", expectedSha256: seen };
}

describe("a batch of a pull", () => {
  test("is made once, whoever sends it again, and the next one begins behind it", async () => {
    const { b, owned, apply, projectId } = await pulling();
    const batch = { upTo: "b", writes: [await content("b", "1")], conflicts: [{ path: "b", reason: "r" }] };
    await apply(batch);
    await write(b, owned, "b", "a person's");
    await apply(batch);
    expect(await read(b, owned, "b")).toBe("a person's");
    expect((await refusal(apply({ upTo: "c", after: "a" }))).code).toBe("pull_went_on");
    await apply({ upTo: "c", after: "b", conflicts: [{ path: "c", reason: "r" }] });
    const [transfer] = await b.ann.query(api.transfers.latest, { projectId });
    expect(transfer).toMatchObject({ kind: "pull", phase: "writing", conflictsCount: 2 });
    expect(transfer?.conflicts?.map((line) => line.path)).toEqual(["b", "c"]);
    expect(transfer).not.toHaveProperty("upTo");
  });

  test("is refused, all of it, where a file is not what the merge went by", async () => {
    const { b, owned, apply } = await pulling();
    await write(b, owned, "a", "here");
    const other = await content("b", "1");
    for (const wrong of [
      await content("a", "new"),
      await content("a", "new", "other"),
      { ...(await content("a", "new", "here")), expectedMode: "executable" },
    ]) {
      expect((await refusal(apply({ upTo: "b", writes: [other, wrong] }))).code).toBe("file_changed");
    }
    expect((await refusal(apply({ upTo: "b", removes: [{ path: "a", expectedSha256: await sha256("other") }] }))).code).toBe(
      "file_changed",
    );
    expect(await paths(b, owned)).toEqual(["a"]);
  });

  test("takes folders along in which nothing is left, and a file may take their place", async () => {
    const { b, owned, apply } = await pulling();
    for (const path of ["a/b/c", "d/e", "d/f"]) await write(b, owned, path, "x");
    const x = await sha256("x");
    const removes = ["a/b/c", "d/e"].map((path) => ({ path, expectedSha256: x }));
    await apply({ upTo: "z", removes, writes: [await content("a", "file")] });
    expect(await paths(b, owned)).toEqual(["a", "d", "d/f"]);
  });

  test("is refused once the pull is over", async () => {
    const { b, owned, apply } = await pulling();
    await b.t.mutation(api.system.transfers.cancel, { ...owned, kind: "pull" });
    expect((await refusal(apply({ upTo: "b", writes: [await content("b", "1")] }))).code).toBe("transfer_over");
    expect(await paths(b, owned)).toEqual([]);
  });
});

describe("what a project has in common with its repository", () => {
  test("is what the transfer that ended well says, and pages see it", async () => {
    const { finish, shown, transferId } = await pulling();
    expect(await shown()).toMatchObject({ ...link, url: "https://github.example/o/r" });
    await finish(transferId, { link: { ...link, commit: "head" }, repoUrl: "https://github.example/o/r" });
    expect(await shown()).toMatchObject({ ...link, commit: "head" });
  });

  test("is told apart by path where pulls have broken off, by code points", async () => {
    const { b, owned, apply, request, shown } = await pulling();
    const cancel = async () => await b.t.mutation(api.system.transfers.cancel, { ...owned, kind: "pull" });
    const next = async (commit: string, upTo: string) => {
      const { transferId } = (await request("pull")).transfer;
      await b.t.mutation(api.system.transfers.progress, { internalKey: KEY, transferId, commit });
      const batch = { after: "", upTo, removes: [], writes: [], conflicts: [], done: 1, total: 2 };
      await b.t.mutation(api.system.pulls.apply, { internalKey: KEY, transferId, batch });
      await cancel();
    };
    await apply({ upTo: "\u{1f600}" }); // U+1F600 begins with a half that is less than U+FF21
    await cancel();
    await next("second", "\uff21");
    expect((await shown())?.partly).toEqual([
      { commit: "second", upTo: "\uff21" },
      { commit: "head", upTo: "\u{1f600}" },
    ]);
    await next("third", "a");
    await next("fourth", "\u{1f601}");
    expect((await shown())?.partly).toEqual([{ commit: "fourth", upTo: "\u{1f601}" }]);
    expect((await shown())?.commit).toBe("base");
  });

  test("is needed for a pull", async () => {
    const { b, owned } = await project();
    const asked = b.t.mutation(api.system.pulls.request, { ...owned, externalId: "k", kind: "pull", data: {} });
    expect((await refusal(asked)).code).toBe("no_repository");
  });
});

test("a pull, an export and a pull request exclude each other; the same key is the same one", async () => {
  const { b, owned, request, transferId } = await pulling();
  expect((await request("pull", "p")).transfer.transferId).toBe(transferId);
  expect((await refusal(request("pullRequest", "p"))).code).toBe("idempotency_key_reused");
  expect((await refusal(request("pullRequest"))).code).toBe("transfer_in_progress");
  const exporting = b.t.mutation(api.system.transfers.requestExport, { ...owned, externalId: "e2", data: {} });
  expect(await refusal(exporting)).toMatchObject({ message: "A pull of this project is already running" });
  await b.t.mutation(api.system.transfers.cancel, { ...owned, kind: "pull" });
  const asked = await request("pullRequest");
  expect(asked.events.map((event) => event.name)).toEqual(["github/pull-request.requested"]);
});
