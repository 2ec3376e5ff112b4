// What the agent asks: written by its run, which needs the lease, and answered by people through the API.
import { v } from "convex/values";
import { find, ownedConversation } from "../model/access.ts";
import { answerAsk, ownedAsk } from "../model/asks/answering.ts";
import { asksIn, asksOf, openAsk, settleAsk } from "../model/asks/asking.ts";
import { notFound } from "../model/errors.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { askRecord, newAsk, outboxRecord, toAsk, toOutbox } from "../model/records.ts";
import { held } from "../model/transcript.ts";
import { askAnswer } from "../model/validators.ts";

const lease = { messageId: v.string(), epoch: v.number() };

/** Asks, once for each call. */
export const open = systemMutation({
  args: { ...lease, ask: newAsk },
  returns: askRecord,
  handler: async (ctx, { messageId, epoch, ask }) => {
    const { generation } = await held(ctx, messageId, epoch);
    return toAsk(await openAsk(ctx, generation, ask));
  },
});

/** What became of a request for which its run waits no more. */
export const settle = systemMutation({
  args: { ...lease, askId: v.string() },
  returns: askRecord,
  handler: async (ctx, { messageId, epoch, askId }) => {
    const { generation } = await held(ctx, messageId, epoch);
    return toAsk(await settleAsk(ctx, generation, askId));
  },
});

/** What an answer has asked, in order; for its run. */
export const ofMessage = systemQuery({
  args: { messageId: v.string() },
  returns: v.array(askRecord),
  handler: async (ctx, args) => {
    const message = await find(ctx, "messages", args.messageId);
    if (message === null) throw notFound("Message not found");
    return (await asksOf(ctx, message._id)).map(toAsk);
  },
});

export const list = systemQuery({
  args: { ownerId: v.string(), conversationId: v.string(), limit: v.number() },
  returns: v.array(askRecord),
  handler: async (ctx, { ownerId, conversationId, limit }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    return (await asksIn(ctx, conversation._id, Math.max(1, Math.min(limit, 100)))).map(toAsk);
  },
});

export const answer = systemMutation({
  args: { ownerId: v.string(), askId: v.string(), answer: askAnswer, key: v.string() },
  returns: v.object({ ask: askRecord, events: v.array(outboxRecord) }),
  handler: async (ctx, { ownerId, askId, answer, key }) => {
    const { ask, events } = await answerAsk(ctx, await ownedAsk(ctx, ownerId, askId), { ownerId, answer, key });
    return { ask: toAsk(ask), events: events.map(toOutbox) };
  },
});
