// What a tool call changes: a list of edits that is applied in the mutation that records the call's result.
import { type Infer, v } from "convex/values";
import { conflict, notFound, refused } from "./errors.ts";
import { type Changes, fileAt, folderAt, isEmpty, moveTree, removeTree, writeFile } from "./files.ts";
import { newContent } from "./validators.ts";

const MAX_EDITS = 500;
const MAX_REMOVE_BATCHES = 6; // of 500 entries each, five writes an entry: a mutation may write 16,000

export const edit = v.union(
  newContent.extend({
    kind: v.literal("write"),
    path: v.string(),
    expectedSha256: v.string(), // of what the tool saw; "" for "nothing stands there"
  }),
  v.object({ kind: v.literal("delete"), path: v.string() }),
  v.object({ kind: v.literal("rename"), path: v.string(), newPath: v.string() }),
  v.object({ kind: v.literal("makeFolder"), path: v.string() }),
);
type Edit = Infer<typeof edit>;

/**
 * What an undo goes back to, and the files as it saw them: "" for no file. It is made while they are the same, and
 * deletes no folder in which something stands.
 */
export const undoing = v.object({
  from: v.number(),
  isPartial: v.boolean(),
  expected: v.array(v.object({ path: v.string(), sha256: v.string() })),
});
type Undoing = Infer<typeof undoing>;

/** Makes the edits in order, all or none. */
export async function applyEdits(changes: Changes, edits: Edit[], undo?: Undoing): Promise<void> {
  if (edits.length > MAX_EDITS) {
    throw refused("too_many", `A tool call can make at most ${MAX_EDITS} changes`);
  }
  for (const { path, sha256 } of undo?.expected ?? []) {
    const file = await fileAt(changes.ctx, changes.project._id, path);
    if ((file?.sha256 ?? "") !== sha256) throw changed(path);
  }
  for (const one of edits) {
    if (one.kind === "delete" && undo !== undefined) await refuseFull(changes, one.path);
    await applyEdit(changes, one);
  }
  await changes.close();
}

async function refuseFull(changes: Changes, path: string): Promise<void> {
  const file = await fileAt(changes.ctx, changes.project._id, path);
  if (file?.type === "folder" && !(await isEmpty(changes.ctx, file))) throw changed(path);
}

function changed(path: string) {
  return conflict("file_changed", `"${path}" changed since it was read; read it again`);
}

async function applyEdit(changes: Changes, one: Edit): Promise<void> {
  switch (one.kind) {
    case "write": {
      await writeFile(changes, one.path, one, one.expectedSha256);
      return;
    }
    case "delete":
      await remove(changes, one.path);
      return;
    case "rename":
      await moveTree(changes, one.path, one.newPath);
      return;
    case "makeFolder":
      if ((await folderAt(changes, one.path)) === null) throw refused("bad_path", "A name must not be empty");
      return;
    default:
      one satisfies never;
  }
}

async function remove(changes: Changes, path: string): Promise<void> {
  const file = await fileAt(changes.ctx, changes.project._id, path);
  if (file === null) throw notFound("File not found");
  for (let batch = 0; batch < MAX_REMOVE_BATCHES; batch += 1) {
    if (!(await removeTree(changes, file))) return;
  }
  throw refused("too_many", `"${path}" holds too many files to be deleted at once`);
}
