// What editors may still show of files that somebody else has written: the text before, kept for a day.
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";

export const KEEP_BASES_MS = 24 * 3_600_000; // an editor that is open longer overwrites

/** Somebody else than an editor has replaced `text` in the file: editors that show it may still save over that. */
export async function keepBase(ctx: MutationCtx, file: Doc<"files">, text: string | undefined): Promise<void> {
  const row = await rowOf(ctx, file);
  if (row !== null && isYoung(row)) return; // that is the oldest text that an editor may show
  if (row !== null) await ctx.db.delete(row._id);
  await ctx.db.insert("editorBases", { fileId: file._id, text, keptAt: Date.now() });
}

/** What an editor of the file may show, and what somebody has replaced since; null: every editor has what stands there. */
export async function baseOf(ctx: QueryCtx, file: Doc<"files">): Promise<Doc<"editorBases"> | null> {
  const row = await rowOf(ctx, file);
  return row !== null && isYoung(row) ? row : null;
}

/** The file is gone, or its editor has shown that it knows what stands there. */
export async function dropBase(ctx: MutationCtx, file: Doc<"files">): Promise<void> {
  const row = await rowOf(ctx, file);
  if (row !== null) await ctx.db.delete(row._id);
}

function isYoung({ keptAt }: Doc<"editorBases">): boolean {
  return Date.now() - keptAt < KEEP_BASES_MS;
}

/** Most files have none, and are not asked: a call may change as many files as a function may read. */
async function rowOf(ctx: QueryCtx, file: Doc<"files">): Promise<Doc<"editorBases"> | null> {
  if (file.hasBase !== true) return null;
  return await ctx.db
    .query("editorBases")
    .withIndex("by_file", (q) => q.eq("fileId", file._id))
    .unique();
}
