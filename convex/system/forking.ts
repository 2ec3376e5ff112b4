// A message edited and answered again, in a conversation of its own.
import { v } from "convex/values";
import { internal } from "../_generated/api";
import { internalMutation } from "../_generated/server";
import { ownedMessage } from "../model/access.ts";
import { fork } from "../model/forking.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { sentRecord } from "../model/sending.ts";
import { newAttachment } from "../model/validators.ts";

const owned = { ownerId: v.string(), messageId: v.string() };

/** Call it again with the same while `sent` is missing: what came before the message is being copied. */
export const edit = systemMutation({
  args: { ...owned, content: v.string(), attachments: v.optional(v.array(newAttachment)), externalId: v.string() },
  returns: v.object({ sent: v.optional(sentRecord) }),
  handler: async (ctx, { ownerId, messageId, ...edit }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    const sent = await fork(ctx, message, { ownerId, ...edit });
    return sent === null ? {} : { sent };
  },
});

/**
 * The oldest checkpoint of the project that is newer than the message: restoring it, under the key `edit:<externalId>`,
 * gives the files of then. Null when there is none, or was none when the edit of that key was made.
 */
export const checkpointBefore = systemQuery({
  args: { ...owned, externalId: v.string() },
  returns: v.union(v.id("checkpoints"), v.null()),
  handler: async (ctx, { ownerId, messageId, externalId }) => {
    const { projectId, startedAt } = (await ownedMessage(ctx, ownerId, messageId)).message;
    const key = `edit:${externalId}`;
    const edit = await ctx.db
      .query("conversations")
      .withIndex("by_external", (q) => q.eq("projectId", projectId).eq("externalId", key))
      .first();
    const restored = await ctx.db
      .query("checkpoints")
      .withIndex("by_external", (q) => q.eq("projectId", projectId).eq("externalId", key))
      .first();
    if (edit !== null && restored === null) return null;
    const first = await ctx.db
      .query("checkpoints")
      .withIndex("by_project", (q) => q.eq("projectId", projectId).gt("_creationTime", startedAt))
      .first();
    return first?._id ?? null;
  },
});

/** A fork that nobody went on with is deleted. */
export const dropUnfinished = internalMutation({
  args: { conversationId: v.id("conversations") },
  returns: v.null(),
  handler: async (ctx, { conversationId }): Promise<null> => {
    const row = await ctx.db.get(conversationId);
    if (row?.copiedBefore === undefined) return null;
    await ctx.db.patch(conversationId, { externalId: undefined });
    await ctx.scheduler.runAfter(0, internal.system.purge.conversation, { conversationId });
    return null;
  },
});
