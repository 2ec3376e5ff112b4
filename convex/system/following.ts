// What our processes read to follow conversations for people: how far each is, and what is new in it. Read only.
import { type Infer, v } from "convex/values";
import { find, ownedConversation } from "../model/access.ts";
import { deltaPage, deltasFrom } from "../model/deltas.ts";
import { refused } from "../model/errors.ts";
import { systemQuery } from "../model/functions.ts";
import { endOfStream, generationOf, wholeText } from "../model/messages.ts";
import { messageRecord, toMessage } from "../model/records.ts";

const MAX_HEADS = 100;
const MAX_RUNNING = 20;
const MAX_CHARS = 1_000_000; // of the texts in a page, unless the first is longer

const runningHead = v.object({ messageId: v.id("messages"), epoch: v.number(), nextSeq: v.number() });
const head = v.object({ updatedAt: v.number(), running: v.array(runningHead) });
const followedMessage = v.object({ message: messageRecord, epoch: v.optional(v.number()) });

/** How far conversations are, in this order; null: it is gone. What changes in one changes its head. */
export const heads = systemQuery({
  args: { conversationIds: v.array(v.string()) },
  returns: v.array(v.union(v.null(), head)),
  handler: async (ctx, { conversationIds }) => {
    if (conversationIds.length > MAX_HEADS) throw refused("too_many", `At most ${MAX_HEADS} conversations`);
    const heads: (Infer<typeof head> | null)[] = [];
    for (const conversationId of conversationIds) {
      const conversation = await find(ctx, "conversations", conversationId);
      const project = conversation && (await ctx.db.get(conversation.projectId));
      if (!conversation || conversation.deletedAt !== undefined || !project || project.deletedAt !== undefined) {
        heads.push(null);
        continue;
      }
      const generations = await ctx.db
        .query("generations")
        .withIndex("by_conversation_status", (q) => q.eq("conversationId", conversation._id).eq("status", "processing"))
        .take(MAX_RUNNING);
      const running: Infer<typeof runningHead>[] = [];
      for (const generation of generations) {
        const { nextSeq } = await endOfStream(ctx, generation);
        running.push({ messageId: generation.messageId, epoch: generation.epoch, nextSeq });
      }
      heads.push({ updatedAt: conversation.updatedAt, running });
    }
    return heads;
  },
});

/** Messages from place `from` in the conversation on, the first ones, with whole texts. */
export const messages = systemQuery({
  args: { ownerId: v.string(), conversationId: v.string(), from: v.number(), limit: v.number() },
  returns: v.array(followedMessage),
  handler: async (ctx, { ownerId, conversationId, from, limit }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    const rows = await ctx.db
      .query("messages")
      .withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id).gte("order", from))
      .take(Math.max(1, Math.min(limit, 50)));
    const found: Infer<typeof followedMessage>[] = [];
    let chars = 0;
    for (const row of rows) {
      const message = toMessage(row, await wholeText(ctx, row));
      chars += message.content.length;
      if (found.length > 0 && chars > MAX_CHARS) break;
      const generation = row.role === "assistant" ? await generationOf(ctx, row._id) : null;
      found.push({ message, epoch: generation?.epoch });
    }
    return found;
  },
});

/** As `messages:deltas`, up to `before`, with the attempt that writes now; null: the message is gone. */
export const stream = systemQuery({
  args: { messageId: v.string(), from: v.number(), before: v.optional(v.number()) },
  returns: v.union(v.null(), deltaPage.extend({ epoch: v.number() })),
  handler: async (ctx, { messageId, from, before }) => {
    const message = await find(ctx, "messages", messageId);
    const generation = message && (await generationOf(ctx, message._id));
    if (!message || !generation) return null;
    return { ...(await deltasFrom(ctx, message, from, before)), epoch: generation.epoch };
  },
});
