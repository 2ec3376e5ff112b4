// The model's plan, for the signed-in person.
import { v } from "convex/values";
import { query } from "./_generated/server";
import { callerId, ownedConversation } from "./model/access.ts";
import { todosDoc, todosOf } from "./model/todos.ts";

/** The newest plan of a conversation, as the model has ticked it off so far; null: it has made none. */
export const get = query({
  args: { conversationId: v.id("conversations") },
  returns: v.union(todosDoc, v.null()),
  handler: async (ctx, args) => {
    const { conversation } = await ownedConversation(ctx, await callerId(ctx), args.conversationId);
    return await todosOf(ctx, conversation._id);
  },
});
