// Empties deleted projects and conversations in batches, whatever their size, and then deletes their rows.
import { v } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc, Id } from "../_generated/dataModel";
import { internalMutation, type MutationCtx } from "../_generated/server";
import { dropUploadsOf } from "../model/attachments.ts";
import { dropKept } from "../model/checkpoints/kept.ts";
import { dropFile } from "../model/files.ts";
import { cancelWritten } from "../model/conversations.ts";
import { cancelIn } from "../model/projects.ts";
import { dropArchive } from "../model/transfers.ts";
import { countBytes } from "../model/storage_use.ts";
import { dropTasks } from "../model/tasks.ts";
import { dropImages } from "../model/transcript.ts";

const BATCH = 500; // rows a mutation; a file is up to three writes and a blob

/** Of the deletion at `deletedAt`: from `dueAt` on; what was restored meanwhile, or deleted anew, is left alone. */
export const project = internalMutation({
  args: { projectId: v.id("projects"), deletedAt: v.optional(v.number()), dueAt: v.optional(v.number()) },
  returns: v.null(),
  handler: async (ctx, deletion): Promise<null> => {
    const { projectId, deletedAt, dueAt = 0 } = deletion;
    const row = await ctx.db.get(projectId);
    if (row === null || row.deletedAt === undefined || (deletedAt !== undefined && row.deletedAt !== deletedAt)) return null;
    // A message sent while the project went away, or more running ones than one mutation cancels.
    const isQuiet = !(await cancelIn(ctx, row)).hasMore;
    if (isQuiet && Date.now() < dueAt) {
      await ctx.scheduler.runAt(dueAt, internal.system.purge.project, deletion);
      return null;
    }
    const uploads = isQuiet ? await dropUploadsOf(ctx, projectId, BATCH) : 0;
    if (isQuiet && uploads === 0 && (await emptied(ctx, row))) await ctx.db.delete(projectId);
    else await ctx.scheduler.runAfter(0, internal.system.purge.project, deletion);
    return null;
  },
});

export const conversation = internalMutation({
  args: { conversationId: v.id("conversations") },
  returns: v.null(),
  handler: async (ctx, { conversationId }): Promise<null> => {
    const row = await ctx.db.get(conversationId);
    if (row === null) return null;
    const project = await ctx.db.get(row.projectId);
    const isQuiet = project === null || !(await cancelWritten(ctx, row, project.ownerId)).hasMore;
    if (isQuiet) await purgeConversation(ctx, conversationId);
    await ctx.scheduler.runAfter(0, internal.system.purge.conversation, { conversationId });
    return null;
  },
});

/** Deletes up to a batch of what is in the project; true when nothing is left. */
async function emptied(ctx: MutationCtx, row: Doc<"projects">): Promise<boolean> {
  const conversation = await ctx.db
    .query("conversations")
    .withIndex("by_project", (q) => q.eq("projectId", row._id))
    .first();
  if (conversation !== null) {
    await purgeConversation(ctx, conversation._id);
    return false;
  }
  if (!(await emptiedOfFiles(ctx, row))) return false;
  const contents = await ctx.db
    .query("keptContents")
    .withIndex("by_content", (q) => q.eq("projectId", row._id))
    .take(10); // up to 900 kB each
  for (const content of contents) await dropKept(ctx, content);
  if (contents.length > 0) return false;
  const transfers = await ctx.db
    .query("transfers")
    .withIndex("by_project", (q) => q.eq("projectId", row._id))
    .take(BATCH);
  for (const { storageId } of transfers) if (storageId !== undefined) await dropArchive(ctx, storageId);
  const rest = [
    ...transfers,
    ...(await ctx.db
      .query("checkpointFiles")
      .withIndex("by_version", (q) => q.eq("projectId", row._id))
      .take(BATCH)),
    ...(await ctx.db
      .query("checkpoints")
      .withIndex("by_project", (q) => q.eq("projectId", row._id))
      .take(10)), // up to 200 kB each
    ...(await ctx.db
      .query("fileTombstones")
      .withIndex("by_version", (q) => q.eq("projectId", row._id))
      .take(BATCH)),
    ...(await ctx.db
      .query("generationEvents")
      .withIndex("by_project", (q) => q.eq("projectId", row._id))
      .take(BATCH)),
    ...(await ctx.db
      .query("projectGenerations")
      .withIndex("by_project", (q) => q.eq("projectId", row._id))
      .take(20)), // up to 300 kB each
    ...(await ctx.db
      .query("mcpServers")
      .withIndex("by_project", (q) => q.eq("projectId", row._id))
      .take(BATCH)),
    ...(await ctx.db
      .query("mcpTokens")
      .withIndex("by_project", (q) => q.eq("projectId", row._id))
      .take(BATCH)),
  ];
  for (const item of rest) await ctx.db.delete(item._id);
  return rest.length === 0;
}

async function emptiedOfFiles(ctx: MutationCtx, row: Doc<"projects">): Promise<boolean> {
  const files = await ctx.db
    .query("files")
    .withIndex("by_path", (q) => q.eq("projectId", row._id))
    .take(BATCH);
  for (const file of files) await dropFile(ctx, file);
  await countBytes(ctx, row.ownerId, -files.reduce((sum, file) => sum + file.size, 0));
  return files.length === 0;
}

async function purgeConversation(ctx: MutationCtx, id: Id<"conversations">): Promise<void> {
  const message = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", id))
    .first();
  if (message === null) await ctx.db.delete(id);
  else await purgeMessage(ctx, message._id);
}

async function purgeMessage(ctx: MutationCtx, messageId: Id<"messages">): Promise<void> {
  const rows = [
    ...(await ctx.db
      .query("deltas")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(BATCH)),
    ...(await ctx.db
      .query("previews")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(1)),
    ...(await ctx.db
      .query("turns")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(50)), // up to 100 kB each
    ...(await ctx.db
      .query("toolCalls")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(20)), // up to 400 kB each
    ...(await ctx.db
      .query("resultParts")
      .withIndex("by_call", (q) => q.eq("messageId", messageId))
      .take(20)), // up to 300 kB each
    ...(await ctx.db
      .query("condensations")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(20)), // up to 200 kB each
    ...(await ctx.db
      .query("usageRecords")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(BATCH)),
    ...(await ctx.db
      .query("asks")
      .withIndex("by_call", (q) => q.eq("messageId", messageId))
      .take(100)), // up to 50 kB each
    ...(await ctx.db
      .query("todos")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(BATCH)),
    ...(await ctx.db
      .query("messageTexts")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(10)), // up to 800 kB each
  ];
  for (const row of rows) await ctx.db.delete(row._id);
  const images = await dropImages(ctx, messageId, BATCH);
  if (rows.length > 0 || images > 0) return;
  const generation = await ctx.db
    .query("generations")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .unique();
  if (generation !== null) await ctx.db.delete(generation._id);
  await dropTasks(ctx, messageId);
  await ctx.db.delete(messageId);
}
