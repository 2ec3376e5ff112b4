// Messages: sent, read, cancelled, retried; and the context of a run.
import { v } from "convex/values";
import { find, ownedConversation, ownedMessage, ownedProject } from "../model/access.ts";
import { kept } from "../model/attachments.ts";
import { condensationsOf, condensedDoc, toCondensedDoc } from "../model/condensing.ts";
import { contextOf, contextRecord, earlierRecord, earlierThan } from "../model/context.ts";
import { deltaPage, deltasFrom } from "../model/deltas.ts";
import { notFound } from "../model/errors.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { cancel as cancelGeneration, generationOf, wholeText } from "../model/messages.ts";
import { createConversation, UNTITLED } from "../model/conversations.ts";
import { cancelIn, createProject } from "../model/projects.ts";
import { messageRecord, outboxRecord, toMessage, toolCallRecord, toOutbox, toToolCall } from "../model/records.ts";
import { retryMessage, sendMessage, sentRecord } from "../model/sending.ts";
import { fullTextUrl, partsOf, shownPart, shownPartsOf, toolCallsOf } from "../model/transcript.ts";
import { busyPolicy, newAttachment, pageOf, resultPart } from "../model/validators.ts";

const cancelled = { messageIds: v.array(v.id("messages")), events: v.array(outboxRecord) };
const owned = { ownerId: v.string(), messageId: v.string() };

export const send = systemMutation({
  args: {
    ownerId: v.string(),
    conversationId: v.string(),
    content: v.string(),
    policy: busyPolicy,
    model: v.optional(v.string()), // one that is allowed: the API has judged it
    attachments: v.optional(v.array(newAttachment)),
    externalId: v.string(),
  },
  returns: sentRecord,
  handler: async (ctx, { ownerId, conversationId, attachments = [], ...message }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    const attach = async () => await kept(ctx, conversation.projectId, attachments);
    return await sendMessage(ctx, conversation, { ownerId, attach, ...message });
  },
});

/** The first message of a project that is made with it; the same `externalId` finds all of it again. */
export const sendFirst = systemMutation({
  args: { ownerId: v.string(), name: v.string(), content: v.string(), externalId: v.string() },
  returns: sentRecord,
  handler: async (ctx, { ownerId, name, content, externalId }) => {
    const project = await createProject(ctx, ownerId, name, externalId);
    const conversation = await createConversation(ctx, project, UNTITLED, externalId);
    return await sendMessage(ctx, conversation, { ownerId, content, policy: "queue", externalId });
  },
});

export const retry = systemMutation({
  args: { ...owned, policy: busyPolicy, externalId: v.string() },
  returns: sentRecord,
  handler: async (ctx, { ownerId, messageId, policy, externalId }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return await retryMessage(ctx, message, { ownerId, policy, externalId });
  },
});

export const list = systemQuery({
  args: {
    ownerId: v.string(),
    conversationId: v.string(),
    limit: v.number(),
    cursor: v.optional(v.string()),
  },
  returns: pageOf(messageRecord),
  handler: async (ctx, { ownerId, conversationId, limit, cursor }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    const page = await ctx.db
      .query("messages")
      .withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id))
      .order("desc")
      .paginate({ numItems: Math.max(1, Math.min(limit, 100)), cursor: cursor ?? null });
    const nextCursor = page.isDone ? null : page.continueCursor;
    return { items: page.page.map((row) => toMessage(row)), nextCursor };
  },
});

export const get = systemQuery({
  args: owned,
  returns: messageRecord,
  handler: async (ctx, { ownerId, messageId }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    const generation = await generationOf(ctx, message._id);
    const record = toMessage(message, await wholeText(ctx, message));
    return { ...record, runId: record.runId ?? generation?.runId };
  },
});

export const cancel = systemMutation({
  args: owned,
  returns: v.object(cancelled),
  handler: async (ctx, { ownerId, messageId }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    const generation = await generationOf(ctx, message._id);
    if (generation?.status !== "processing") return { messageIds: [], events: [] };
    const event = await cancelGeneration(ctx, generation, ownerId);
    return { messageIds: [message._id], events: [toOutbox(event)] };
  },
});

export const cancelProject = systemMutation({
  args: { ownerId: v.string(), projectId: v.string() },
  returns: v.object({ ...cancelled, hasMore: v.boolean() }),
  handler: async (ctx, { ownerId, projectId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const { messageIds, events, hasMore } = await cancelIn(ctx, project);
    return { messageIds, events: events.map(toOutbox), hasMore };
  },
});

export const toolCalls = systemQuery({
  args: owned,
  returns: v.array(toolCallRecord),
  handler: async (ctx, { ownerId, messageId }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return (await toolCallsOf(ctx, message._id)).map(toToolCall);
  },
});

export const resultParts = systemQuery({
  args: { ...owned, turn: v.number(), toolCallId: v.string() },
  returns: v.array(resultPart),
  handler: async (ctx, { ownerId, messageId, ...call }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return await partsOf(ctx, { messageId: message._id, ...call });
  },
});

/** The finished parts of an answer, as `messages:parts`. */
export const parts = systemQuery({
  args: owned,
  returns: v.array(shownPart),
  handler: async (ctx, { ownerId, messageId }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return await shownPartsOf(ctx, message._id);
  },
});

export const deltas = systemQuery({
  args: { ...owned, from: v.number() },
  returns: deltaPage,
  handler: async (ctx, { ownerId, messageId, from }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return await deltasFrom(ctx, message, from);
  },
});

export const context = systemQuery({
  args: { messageId: v.string(), maxChars: v.number() },
  returns: contextRecord,
  handler: async (ctx, { messageId, maxChars }) => {
    const message = await find(ctx, "messages", messageId);
    if (message === null) throw notFound("Message not found");
    return await contextOf(ctx, message, maxChars);
  },
});

/** The summaries that were made while the answer was written. */
export const condensations = systemQuery({
  args: { ownerId: v.string(), messageId: v.string() },
  returns: v.array(condensedDoc),
  handler: async (ctx, { ownerId, messageId }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return (await condensationsOf(ctx, message._id)).map(toCondensedDoc);
  },
});

/** Messages before those of `context`, told in short; newest last. Ask again with the order of the first. */
export const earlier = systemQuery({
  args: { messageId: v.string(), before: v.number() },
  returns: earlierRecord,
  handler: async (ctx, { messageId, before }) => {
    const message = await find(ctx, "messages", messageId);
    if (message === null) throw notFound("Message not found");
    return await earlierThan(ctx, message, before);
  },
});

/** Where the whole of an output of the conversation is read; null: none is kept under the handle. */
export const fullText = systemQuery({
  args: { messageId: v.string(), handle: v.string() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { messageId, handle }) => {
    const message = await find(ctx, "messages", messageId);
    return message && (await fullTextUrl(ctx, message, handle));
  },
});
