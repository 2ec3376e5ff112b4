// The bytes that checkpoints name: kept when a file lets go of them, once for each content, while one names them.
import type { Doc, Id } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { textOf } from "../texts.ts";
import type { Side } from "./sides.ts";

const MOST_LOOKED_UP = 100; // in one mutation, whose 4,096 reads a large deletion needs; what is beyond may be kept twice

/** A content that a file held until now. */
export interface Loose {
  sha256: string;
  size: number;
  text?: string;
  storageId?: Id<"_storage">;
}

/** Keeps those contents that a checkpoint names; `named` are some that are known to be. Frees the blobs of the others. */
export async function keepOrFree(ctx: MutationCtx, projectId: Id<"projects">, loose: Loose[], named: Set<string>): Promise<void> {
  let lookedUp = 0;
  const done = new Set<string>();
  for (const content of loose) {
    const { sha256, storageId } = content;
    const isWanted = !done.has(sha256) && (named.has(sha256) || (await isNamed(ctx, projectId, sha256)));
    done.add(sha256);
    lookedUp += isWanted ? 1 : 0;
    if (isWanted && (lookedUp > MOST_LOOKED_UP || (await keptRow(ctx, projectId, sha256)) === null)) {
      await ctx.db.insert("keptContents", { projectId, ...content });
    } else if (storageId !== undefined) {
      await freeBlob(ctx, storageId);
    }
  }
}

/** Forgets those contents that no checkpoint names any more. */
export async function release(ctx: MutationCtx, projectId: Id<"projects">, contents: Iterable<string>): Promise<void> {
  for (const sha256 of contents) {
    if (await isNamed(ctx, projectId, sha256)) continue;
    const rows = await ctx.db
      .query("keptContents")
      .withIndex("by_content", (q) => q.eq("projectId", projectId).eq("sha256", sha256))
      .take(4);
    for (const row of rows) await dropKept(ctx, row);
  }
}

export async function dropKept(ctx: MutationCtx, row: Doc<"keptContents">): Promise<void> {
  await ctx.db.delete(row._id);
  if (row.storageId !== undefined) await freeBlob(ctx, row.storageId);
}

/** Deletes a blob, unless a file, a checkpoint or a result holds it. */
export async function freeBlob(ctx: MutationCtx, storageId: Id<"_storage">): Promise<void> {
  if (!(await isHeld(ctx, storageId))) await ctx.storage.delete(storageId);
}

/** Whether a file, a checkpoint or a result holds the blob. */
export async function isHeld(ctx: QueryCtx, storageId: Id<"_storage">): Promise<boolean> {
  const file = await ctx.db
    .query("files")
    .withIndex("by_storage", (q) => q.eq("storageId", storageId))
    .first();
  if (file !== null) return true;
  const kept = await ctx.db
    .query("keptContents")
    .withIndex("by_storage", (q) => q.eq("storageId", storageId))
    .first();
  if (kept !== null) return true;
  const image = await ctx.db
    .query("resultImages")
    .withIndex("by_storage", (q) => q.eq("storageId", storageId))
    .first();
  return image !== null;
}

/** The bytes of a side, from what is kept or from a file that holds the same; null: they are gone, or it is a folder. */
export async function contentOf(ctx: QueryCtx, projectId: Id<"projects">, side: Side): Promise<Loose | null> {
  const { sha256 } = side;
  if (sha256 === undefined) return null;
  const kept = await keptRow(ctx, projectId, sha256);
  if (kept !== null) return { sha256, size: kept.size, text: kept.text, storageId: kept.storageId };
  const file = await ctx.db
    .query("files")
    .withIndex("by_content", (q) => q.eq("projectId", projectId).eq("sha256", sha256))
    .first();
  if (file === null) return null;
  if (file.storageId !== undefined) return { sha256, size: file.size, storageId: file.storageId };
  return { sha256, size: file.size, text: (await textOf(ctx, file)) ?? "" };
}

async function keptRow(ctx: QueryCtx, projectId: Id<"projects">, sha256: string): Promise<Doc<"keptContents"> | null> {
  return await ctx.db
    .query("keptContents")
    .withIndex("by_content", (q) => q.eq("projectId", projectId).eq("sha256", sha256))
    .first();
}

async function isNamed(ctx: QueryCtx, projectId: Id<"projects">, sha256: string): Promise<boolean> {
  const before = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_before", (q) => q.eq("projectId", projectId).eq("before.sha256", sha256))
    .first();
  if (before !== null) return true;
  const after = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_after", (q) => q.eq("projectId", projectId).eq("after.sha256", sha256))
    .first();
  return after !== null;
}
