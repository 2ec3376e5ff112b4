// The text of a file, in a row of its own.
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";

/** The text of a file row, or null where its bytes are a blob. */
export async function textOf(ctx: QueryCtx, file: Doc<"files">): Promise<string | null> {
  return (await rowOf(ctx, file._id))?.text ?? null;
}

/** Stores the text of a file that was made just now. */
export async function addText(ctx: MutationCtx, fileId: Id<"files">, text: string): Promise<void> {
  await ctx.db.insert("fileTexts", { fileId, text });
}

/** Stores the text of a file, or none; gives the one that was there. */
export async function putText(ctx: MutationCtx, fileId: Id<"files">, text: string | undefined): Promise<string | undefined> {
  const row = await rowOf(ctx, fileId);
  if (row !== null && text !== undefined) await ctx.db.patch(row._id, { text });
  else if (row !== null) await ctx.db.delete(row._id);
  else if (text !== undefined) await addText(ctx, fileId, text);
  return row?.text;
}

async function rowOf(ctx: QueryCtx, fileId: Id<"files">): Promise<Doc<"fileTexts"> | null> {
  return await ctx.db
    .query("fileTexts")
    .withIndex("by_file", (q) => q.eq("fileId", fileId))
    .unique();
}
