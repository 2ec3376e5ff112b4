// What the person attaches to a message: images, which are uploaded before, and texts of files as they are when it is sent.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import schema from "../schema.ts";
import { find } from "./access.ts";
import type { Kept } from "./attached.ts";
import { freeBlob } from "./checkpoints/kept.ts";
import { refused } from "./errors.ts";
import { only } from "./rows.ts";
import type { newAttachment } from "./validators.ts";

type New = Infer<typeof newAttachment>;

export const MAX_ATTACHMENTS = 20; // of a message
const MAX_TEXT_CHARS = 70_000; // of all files of a message: they stand in its row, as its own text does
const MAX_UPLOADS = 200; // of a project that were made within a day

const upload = schema.doc("uploads").omit("_id", "_creationTime", "storageId", "projectId");
export const uploadRecord = upload.extend({ attachmentId: v.id("uploads"), projectId: v.id("projects") });

export function toUpload(row: Doc<"uploads">): Infer<typeof uploadRecord> {
  return { ...only(upload, row), attachmentId: row._id, projectId: row.projectId };
}

/** Notes an image that was stored; once for each blob. */
export async function keepUpload(ctx: MutationCtx, image: Omit<Doc<"uploads">, "_id" | "_creationTime">): Promise<Doc<"uploads">> {
  const known = await ctx.db
    .query("uploads")
    .withIndex("by_storage", (q) => q.eq("storageId", image.storageId))
    .first();
  if (known !== null) return known;
  const others = await ctx.db
    .query("uploads")
    .withIndex("by_project", (q) => q.eq("projectId", image.projectId))
    .take(MAX_UPLOADS);
  if (others.length === MAX_UPLOADS) {
    throw refused("too_many_uploads", `A project takes ${MAX_UPLOADS} images in a day; try again later`);
  }
  const row = await ctx.db.get(await ctx.db.insert("uploads", image));
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

/** Deletes uploads; their blobs stay where a message holds them. */
export async function dropUploads(ctx: MutationCtx, rows: Doc<"uploads">[]): Promise<void> {
  for (const row of rows) {
    await ctx.db.delete(row._id);
    if ((await ctx.db.system.get(row.storageId)) !== null) await freeBlob(ctx, row.storageId); // its message may be gone
  }
}

/** Deletes up to so many uploads of a project; how many there were. */
export async function dropUploadsOf(ctx: MutationCtx, projectId: Id<"projects">, most: number): Promise<number> {
  const rows = await ctx.db
    .query("uploads")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .take(most);
  await dropUploads(ctx, rows);
  return rows.length;
}

/** What a message of the project keeps of what it is sent with. Throws where it names an image that is not there. */
export async function kept(ctx: QueryCtx, projectId: Id<"projects">, given: New[]): Promise<Kept[]> {
  if (given.length > MAX_ATTACHMENTS) {
    throw refused("too_many_attachments", `A message takes at most ${MAX_ATTACHMENTS} attachments`);
  }
  if (given.reduce((sum, { text = "" }) => sum + text.length, 0) > MAX_TEXT_CHARS) {
    throw refused("attachments_too_long", `The attached files are longer than ${MAX_TEXT_CHARS} characters together`);
  }
  const found: Kept[] = [];
  for (const { attachmentId, ...file } of given) {
    found.push(file.type === "file" ? file : await imageOf(ctx, projectId, attachmentId ?? ""));
  }
  return found;
}

async function imageOf(ctx: QueryCtx, projectId: Id<"projects">, attachmentId: string): Promise<Kept> {
  const row = await find(ctx, "uploads", attachmentId);
  if (row?.projectId !== projectId || (await ctx.db.system.get(row.storageId)) === null) {
    throw refused("no_such_attachment", `There is no attachment "${attachmentId.slice(0, 64)}" in this project; upload the image again`);
  }
  const { name, mediaType, sizeBytes, width, height, storageId } = row;
  return { type: "image", name, mediaType, sizeBytes, width, height, storageId };
}

/** The message holds the blobs of its images from now on. */
export async function hold(ctx: MutationCtx, messageId: Id<"messages">, attachments: Kept[] = []): Promise<void> {
  for (const { storageId } of attachments) {
    if (storageId !== undefined) await ctx.db.insert("resultImages", { messageId, storageId });
  }
}

/** Where the bytes of an attached image are; null: it is none, or gone. */
export async function imageUrl(ctx: QueryCtx, message: Doc<"messages">, index: number): Promise<string | null> {
  const storageId = message.attachments?.[index]?.storageId;
  return storageId === undefined ? null : await ctx.storage.getUrl(storageId);
}
