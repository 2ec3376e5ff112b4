// Conversations, for the signed-in person.
import { type Infer, v } from "convex/values";
import { mutation, query } from "./_generated/server";
import { callerId, ownedConversation, ownedProject } from "./model/access.ts";
import { setBudget as set } from "./model/budgets.ts";
import { createConversation, removeConversation, renameConversation } from "./model/conversations.ts";
import { wholeList } from "./model/lists.ts";
import { conversationDoc, plainMessageDoc, toConversationDoc, toPlainMessageDoc } from "./model/docs.ts";
import { HEAD_CHARS, wholeText } from "./model/messages.ts";
import { previewOf } from "./model/previews.ts";
import { bounds } from "./model/validators.ts";

export const create = mutation({
  args: { projectId: v.id("projects"), title: v.string() },
  returns: v.id("conversations"),
  handler: async (ctx, { projectId, title }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    return (await createConversation(ctx, project, title))._id;
  },
});

/** Sets what the answers of a conversation may take of models, in tokens, dollars or both; null: as everywhere. */
export const setBudget = mutation({
  args: { id: v.id("conversations"), budget: v.union(bounds, v.null()) },
  returns: conversationDoc,
  handler: async (ctx, { id, budget }) => {
    const { conversation } = await ownedConversation(ctx, await callerId(ctx), id);
    return toConversationDoc(await set(ctx, conversation, budget));
  },
});

export const rename = mutation({
  args: { id: v.id("conversations"), title: v.string() },
  returns: conversationDoc,
  handler: async (ctx, { id, title }) => {
    const { conversation } = await ownedConversation(ctx, await callerId(ctx), id);
    return toConversationDoc(await renameConversation(ctx, conversation, title));
  },
});

/** Deletes a conversation with its messages; what is being written in it is cancelled. Files stay as they are. */
export const remove = mutation({
  args: { id: v.id("conversations") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    const ownerId = await callerId(ctx);
    const { conversation } = await ownedConversation(ctx, ownerId, id);
    await removeConversation(ctx, conversation, ownerId);
    return null;
  },
});

export const getById = query({
  args: { id: v.id("conversations") },
  returns: conversationDoc,
  handler: async (ctx, { id }) => {
    const { conversation } = await ownedConversation(ctx, await callerId(ctx), id);
    return toConversationDoc(conversation);
  },
});

/** The project's conversations, newest first. All of them: refused for more than 8,000. */
export const getByProject = query({
  args: { projectId: v.id("projects") },
  returns: v.array(conversationDoc),
  handler: async (ctx, { projectId }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const query = ctx.db
      .query("conversations")
      .withIndex("by_project", (q) => q.eq("projectId", project._id).eq("deletedAt", undefined).eq("parentCall.messageId", undefined))
      .order("desc");
    const rows = await wholeList(query, "the API's pages");
    return rows.map(toConversationDoc);
  },
});

const WHOLE_CHARS = 2_000_000; // of long messages in one answer, which holds 16 MiB

/**
 * The last 50 messages, oldest first, for front ends that show `content` and nothing else: it has the text of an answer while
 * it is written, about once a second, and why one failed or that it was stopped. All of that is sent anew with each
 * change; `messages.list` (all messages, in pages) and `messages.deltas` cost a fraction.
 */
export const getMessages = query({
  args: { conversationId: v.id("conversations") },
  returns: v.array(plainMessageDoc),
  handler: async (ctx, { conversationId }) => {
    const ownerId = await callerId(ctx);
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    const rows = await ctx.db
      .query("messages")
      .withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id))
      .order("desc")
      .take(50);
    const shown: Infer<typeof plainMessageDoc>[] = [];
    let room = WHOLE_CHARS;
    for (const row of rows) {
      const isWritten = row.status === "processing";
      const rest = (row.chunks ?? 0) * HEAD_CHARS;
      const isLong = rest > 0 && rest <= room;
      const text = isWritten ? await previewOf(ctx, row._id) : isLong ? await wholeText(ctx, row) : row.content;
      if (isLong) room -= rest;
      shown.push(toPlainMessageDoc(row, text));
    }
    return shown.reverse();
  },
});
