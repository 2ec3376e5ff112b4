// Who is asking, and is it theirs: every id from a client is resolved through its owner.
import type { GenericId } from "convex/values";
import type { Doc, TableNames } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { denied, notFound } from "./errors.ts";

/** The signed-in person. Throws `Unauthorized` when there is none. */
export async function callerId(ctx: QueryCtx): Promise<string> {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null) throw denied("Unauthorized");
  return identity.subject;
}

/** A document by an id from outside; null for any text that is no id of this table. */
export async function find<T extends TableNames>(ctx: QueryCtx, table: T, id: string): Promise<Doc<T> | null> {
  const known: GenericId<T> | null = ctx.db.normalizeId(table, id);
  return known === null ? null : await ctx.db.get(known);
}

export async function ownedProject(ctx: QueryCtx, ownerId: string, projectId: string): Promise<Doc<"projects">> {
  const project = await find(ctx, "projects", projectId);
  if (project === null || project.ownerId !== ownerId || project.deletedAt !== undefined) {
    throw notFound("Project not found");
  }
  return project;
}

export async function ownedConversation(
  ctx: QueryCtx,
  ownerId: string,
  conversationId: string,
): Promise<{ conversation: Doc<"conversations">; project: Doc<"projects"> }> {
  const conversation = await find(ctx, "conversations", conversationId);
  const project = conversation && (await visible(ctx, conversation.projectId));
  if (!conversation || conversation.deletedAt !== undefined || project?.ownerId !== ownerId) throw notFound("Conversation not found");
  return { conversation, project };
}

export async function ownedMessage(
  ctx: QueryCtx,
  ownerId: string,
  messageId: string,
): Promise<{ message: Doc<"messages">; project: Doc<"projects"> }> {
  const message = await find(ctx, "messages", messageId);
  const project = message && (await visible(ctx, message.projectId));
  if (!message || project?.ownerId !== ownerId) throw notFound("Message not found");
  return { message, project };
}

export async function ownedFile(ctx: QueryCtx, ownerId: string, fileId: string): Promise<{ file: Doc<"files">; project: Doc<"projects"> }> {
  const file = await find(ctx, "files", fileId);
  const project = file && (await visible(ctx, file.projectId));
  if (!file || project?.ownerId !== ownerId) throw notFound("File not found");
  return { file, project };
}

async function visible(ctx: QueryCtx, projectId: string): Promise<Doc<"projects"> | null> {
  const project = await find(ctx, "projects", projectId);
  return project?.deletedAt === undefined ? project : null;
}
