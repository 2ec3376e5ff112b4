// Messages as people read them. Text of a running answer: `deltas`; of a final one: the message itself.
import { paginationOptsValidator, paginationResultValidator } from "convex/server";
import { v } from "convex/values";
import { query } from "./_generated/server";
import { callerId, ownedConversation, ownedMessage } from "./model/access.ts";
import { imageUrl } from "./model/attachments.ts";
import { condensationsOf, condensedDoc, toCondensedDoc } from "./model/condensing.ts";
import { deltaPage, deltasFrom } from "./model/deltas.ts";
import { messageDoc, toMessageDoc, toolCallDoc, toolCardDoc, toToolCallDoc, toToolCardDoc } from "./model/docs.ts";
import { wholeText } from "./model/messages.ts";
import { taskDoc, tasksOf } from "./model/tasks.ts";
import { changedCallsOf } from "./model/call_revisions.ts";
import { partsOf, shownPart, shownPartsOf, toolCallOf, toolCallsOf } from "./model/transcript.ts";
import { resultPart } from "./model/validators.ts";

const messageId = v.id("messages");

/** Messages of a conversation, newest first. Changes when a message is sent or ends, not while it streams. */
export const list = query({
  args: { conversationId: v.id("conversations"), paginationOpts: paginationOptsValidator },
  returns: paginationResultValidator(messageDoc),
  handler: async (ctx, { conversationId, paginationOpts }) => {
    const ownerId = await callerId(ctx);
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    const page = await ctx.db
      .query("messages")
      .withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id))
      .order("desc")
      .paginate({ ...paginationOpts, numItems: Math.min(paginationOpts.numItems, 100) });
    return { ...page, page: page.page.map(toMessageDoc) };
  },
});

export const get = query({
  args: { messageId },
  returns: messageDoc,
  handler: async (ctx, args) => toMessageDoc((await ownedMessage(ctx, await callerId(ctx), args.messageId)).message),
});

/** The whole text of a final message, however long. */
export const text = query({
  args: { messageId },
  returns: v.string(),
  handler: async (ctx, args) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    return await wholeText(ctx, message);
  },
});

/** Where the bytes of an image are that is attached to the message, by its place; null: it is no image. */
export const attachmentUrl = query({
  args: { messageId, index: v.number() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { messageId, index }) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), messageId);
    return await imageUrl(ctx, message, index);
  },
});

/**
 * What was streamed from cursor `from` on. A viewer keeps the text, and moves its cursor to `next` now and then:
 * each update carries what came since the cursor. A run of kind "reset" says: drop the text of all parts >= part, and
 * the output of their calls. "condensing" says that the model writes a summary of the conversation first. "toolCall" says that it begins to write a call of the tool `text`, "toolInput" is
 * the next piece of its arguments, up to a bound; when the turn is whole, `toolCalls` has the calls of this part. Kind "output" is what the tool call `toolCallId` prints while it runs, up to a bound; when
 * the call has ended, its result says all of it. "outputReset" says: it runs anew, drop what it has printed.
 */
export const deltas = query({
  args: { messageId, from: v.number() },
  returns: deltaPage,
  handler: async (ctx, args) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    return await deltasFrom(ctx, message, args.from);
  },
});

/** The tool calls of an answer, in order. */
export const toolCalls = query({
  args: { messageId },
  returns: v.array(toolCallDoc),
  handler: async (ctx, args) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    return (await toolCallsOf(ctx, message._id)).map(toToolCallDoc);
  },
});

/**
 * The calls of an answer that changed `after` a revision, as a list shows them now, in order of their last change.
 * A viewer keeps each by its turn and id, and goes on from `next`: so each state of a call is sent once, whatever others do.
 */
export const toolCards = query({
  args: { messageId, after: v.optional(v.number()) },
  returns: v.object({ cards: v.array(toolCardDoc), next: v.number() }),
  handler: async (ctx, { after, ...args }) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    const calls = await changedCallsOf(ctx, message._id, after);
    return { cards: calls.map(toToolCardDoc), next: calls.at(-1)?.revision ?? after ?? 0 };
  },
});

/** The sub-agents of an answer, each with the message that it writes: text, calls and all are asked for by its id. */
export const tasks = query({
  args: { messageId },
  returns: v.array(taskDoc),
  handler: async (ctx, args) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    return await tasksOf(ctx, message._id);
  },
});

/** One call, whole; null where there is none. */
export const toolCall = query({
  args: { messageId, turn: v.number(), toolCallId: v.string() },
  returns: v.union(v.null(), toolCallDoc),
  handler: async (ctx, { messageId, ...call }) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), messageId);
    const row = await toolCallOf(ctx, message._id, call);
    return row && toToolCallDoc(row);
  },
});

/** The summaries that were made while the answer was written, by the turn before which the model wrote them. */
export const condensations = query({
  args: { messageId },
  returns: v.array(condensedDoc),
  handler: async (ctx, args) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    return (await condensationsOf(ctx, message._id)).map(toCondensedDoc);
  },
});

/** What a call came to beside its text: a diff for each file that it changed, an exit code, … Asked for when it is opened. */
export const resultParts = query({
  args: { messageId, turn: v.number(), toolCallId: v.string() },
  returns: v.array(resultPart),
  handler: async (ctx, { messageId, ...call }) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), messageId);
    return await partsOf(ctx, { messageId: message._id, ...call });
  },
});

/** The finished parts of an answer in order: what was said, thought and called. Signatures stay here. */
export const parts = query({
  args: { messageId },
  returns: v.array(shownPart),
  handler: async (ctx, args) => {
    const { message } = await ownedMessage(ctx, await callerId(ctx), args.messageId);
    return await shownPartsOf(ctx, message._id);
  },
});
