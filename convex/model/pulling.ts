// What a pull changes in a project: one batch of paths, made while they are what the merge went by.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { Recording } from "./checkpoints/recording.ts";
import { conflict, refused } from "./errors.ts";
import { Changes, fileAt, isEmpty, removeEntry, writeFile } from "./files.ts";
import { parentOf } from "./paths.ts";
import { fileMode, newContent, reportLine } from "./validators.ts";

const MAX_CHANGES = 500;
const MAX_CONFLICTS = 200; // that are listed

/** A path as the merge saw it: no file ("") or one of that content and mode. */
const seen = { path: v.string(), expectedSha256: v.string(), expectedMode: v.optional(fileMode) };

export const pullBatch = v.object({
  after: v.string(), // the last path of the batch before; "" where this is the first
  upTo: v.string(),
  removes: v.array(v.object(seen)),
  writes: v.array(newContent.extend(seen)),
  conflicts: v.array(reportLine),
  done: v.number(),
  total: v.number(),
});
type Batch = Infer<typeof pullBatch>;

/** Makes the changes of a batch and says how far the pull is, all or nothing; the same batch again changes nothing. */
export async function applyBatch(ctx: MutationCtx, row: Doc<"transfers">, project: Doc<"projects">, batch: Batch): Promise<void> {
  const { after, upTo, removes, writes, conflicts, done, total } = batch;
  if (removes.length + writes.length > MAX_CHANGES) throw refused("too_many", `A pull makes at most ${MAX_CHANGES} changes at once`);
  if (row.upTo === upTo) return;
  if ((row.upTo ?? "") !== after) throw conflict("pull_went_on", "Another worker went on with this pull");
  for (const change of [...removes, ...writes]) await requireSeen(ctx, project, change);
  const changes = new Changes(ctx, project, await recordingOf(ctx, row));
  for (const { path } of removes) await remove(changes, path);
  for (const { path, expectedSha256, ...content } of writes) await writeFile(changes, path, content, expectedSha256);
  await changes.close();
  const told = [...(row.conflicts ?? []), ...conflicts];
  await ctx.db.patch(row._id, {
    upTo,
    done,
    total,
    phase: "writing",
    conflicts: told.length === 0 ? undefined : told.slice(0, MAX_CONFLICTS),
    conflictsCount: (row.conflictsCount ?? 0) + conflicts.length,
    heartbeatAt: Date.now(),
  });
}

async function requireSeen(ctx: MutationCtx, project: Doc<"projects">, { path, expectedSha256, expectedMode }: Batch["removes"][number]) {
  const file = await fileAt(ctx, project._id, path);
  if ((file?.sha256 ?? "") === expectedSha256 && file?.mode === expectedMode) return;
  throw conflict("file_changed", `"${path}" changed since it was read; read it again`);
}

/** Deletes a file with the folders around it in which nothing else stands: git knows of no empty ones. */
async function remove(changes: Changes, path: string): Promise<void> {
  const { ctx, project } = changes;
  const file = await fileAt(ctx, project._id, path);
  if (file === null) return;
  await removeEntry(changes, file);
  for (let around = parentOf(file.path); around !== ""; around = parentOf(around)) {
    const folder = await fileAt(ctx, project._id, around);
    if (folder === null || !(await isEmpty(ctx, folder))) return;
    await removeEntry(changes, folder);
  }
}

/** All batches of a pull have one checkpoint. */
async function recordingOf(ctx: MutationCtx, row: Doc<"transfers">): Promise<Recording> {
  const externalId = `pull:${row._id}`;
  const known = await ctx.db
    .query("checkpoints")
    .withIndex("by_external", (q) => q.eq("projectId", row.projectId).eq("externalId", externalId))
    .first();
  return new Recording(known, { kind: "pull", externalId });
}
