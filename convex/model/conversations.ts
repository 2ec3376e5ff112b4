// Conversations: made, renamed, and deleted with everything in them.
import { internal } from "../_generated/api";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refused } from "./errors.ts";
import { cancelSome } from "./messages.ts";

/** Of a conversation that nobody has named: it gets one from its first message. */
export const UNTITLED = "New conversation";
const MAX_TITLE = 300;
const ASKED_CHARS = 2_000; // of the first message: enough to name a conversation by

/** The one that was made with this idempotency key; null: none, or it is deleted. */
export async function conversationOf(ctx: QueryCtx, project: Doc<"projects">, externalId: string): Promise<Doc<"conversations"> | null> {
  const known = await ctx.db
    .query("conversations")
    .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
    .order("desc") // after a deletion the key is free: the last one made with it counts
    .first();
  return known?.deletedAt === undefined ? known : null;
}

/** Starts a conversation; the same `externalId` in the project finds the one made before. */
export async function createConversation(
  ctx: MutationCtx,
  project: Doc<"projects">,
  title: string,
  externalId?: string,
): Promise<Doc<"conversations">> {
  checkTitle(title);
  const known = externalId === undefined ? null : await conversationOf(ctx, project, externalId);
  if (known !== null) return known;
  const id = await ctx.db.insert("conversations", {
    projectId: project._id,
    title,
    externalId,
    updatedAt: Date.now(),
  });
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

export async function renameConversation(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  title: string,
): Promise<Doc<"conversations">> {
  checkTitle(title);
  const updatedAt = Date.now();
  await ctx.db.patch(conversation._id, { title, updatedAt, isNamed: true });
  return { ...conversation, title, updatedAt, isNamed: true };
}

export function isUntitled(conversation: Doc<"conversations">): boolean {
  return conversation.title === UNTITLED && conversation.isNamed !== true && conversation.deletedAt === undefined;
}

/** Gives a conversation a title that nobody has named, also not meanwhile; whether it has. */
export async function entitleConversation(ctx: MutationCtx, conversation: Doc<"conversations">, title: string): Promise<boolean> {
  checkTitle(title);
  if (!isUntitled(conversation)) return false;
  await ctx.db.patch(conversation._id, { title, isNamed: true });
  return true;
}

/** What a conversation without a title begins with; null: it has a title, or no message. */
export async function beginningOfUntitled(ctx: QueryCtx, conversation: Doc<"conversations">): Promise<string | null> {
  if (!isUntitled(conversation)) return null;
  const first = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id))
    .first();
  return first === null ? null : first.content.slice(0, ASKED_CHARS);
}

/** Has a model answer from the next message on; without one, the default. The API has judged whether it is allowed. */
export async function chooseModel(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  model: string | undefined,
): Promise<Doc<"conversations">> {
  const updatedAt = Date.now();
  await ctx.db.patch(conversation._id, { model, updatedAt });
  return { ...conversation, model, updatedAt };
}

/**
 * Hides the conversation at once, cancels what is being written in it and leaves the rest to system/purge.
 * Returns the events that stop the runs.
 */
export async function removeConversation(ctx: MutationCtx, conversation: Doc<"conversations">, ownerId: string): Promise<Doc<"outbox">[]> {
  const { events } = await cancelWritten(ctx, conversation, ownerId);
  await ctx.db.patch(conversation._id, { deletedAt: Date.now() });
  await ctx.scheduler.runAfter(0, internal.system.purge.conversation, { conversationId: conversation._id });
  return events;
}

/** Cancels what is being written in a conversation, up to a bound; `hasMore` says whether to call again. */
export async function cancelWritten(
  ctx: MutationCtx,
  { _id }: Doc<"conversations">,
  ownerId: string,
): Promise<{ events: Doc<"outbox">[]; hasMore: boolean }> {
  const running = ctx.db
    .query("generations")
    .withIndex("by_conversation_status", (q) => q.eq("conversationId", _id).eq("status", "processing"));
  return await cancelSome(ctx, running, ownerId);
}

function checkTitle(title: string): void {
  if (title.trim() === "") throw refused("bad_title", "Conversation title is required");
  if (title.length > MAX_TITLE) {
    throw refused("bad_title", `A title must not be longer than ${MAX_TITLE} characters`);
  }
}
