// What the agent asks the signed-in person: questions, and whether a call may run.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";
import { callerId, ownedConversation } from "./model/access.ts";
import { answerAsk, ownedAsk } from "./model/asks/answering.ts";
import { asksIn } from "./model/asks/asking.ts";
import { askDoc, toAskDoc } from "./model/docs.ts";
import { askAnswer } from "./model/validators.ts";

const SHOWN = 100;

/** What was asked in a conversation, newest first, at most 100. A request with status "open" waits for the person. */
export const list = query({
  args: { conversationId: v.id("conversations") },
  returns: v.array(askDoc),
  handler: async (ctx, { conversationId }) => {
    const { conversation } = await ownedConversation(ctx, await callerId(ctx), conversationId);
    return (await asksIn(ctx, conversation._id, SHOWN)).map(toAskDoc);
  },
});

/**
 * Answers a request, once: a question by one of its choices or by a text, an approval by a decision, of which "allow"
 * has a scope: this call, what the same rule asks about in this run, or always (the project gets a rule).
 */
export const answer = mutation({
  args: { askId: v.id("asks"), answer: askAnswer },
  returns: askDoc,
  handler: async (ctx, { askId, answer }) => {
    const ownerId = await callerId(ctx);
    const { ask } = await answerAsk(ctx, await ownedAsk(ctx, ownerId, askId), { ownerId, answer });
    return toAskDoc(ask);
  },
});
