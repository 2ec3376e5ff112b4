// What a person has used of models, for the API and for budgets.
import { v } from "convex/values";
import { ownedConversation } from "../model/access.ts";
import { dayBudget } from "../model/budgets.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { only } from "../model/rows.ts";
import { allOf, countSmall, ownedScope, used, usageOf, usageRange, usageSummary } from "../model/usage.ts";
import { bounds, usage } from "../model/validators.ts";

export const summary = systemQuery({
  args: { ...usageRange, ownerId: v.string(), projectId: v.optional(v.string()), conversationId: v.optional(v.string()) },
  returns: usageSummary,
  handler: async (ctx, { ownerId, projectId, conversationId, ...range }) => {
    const scope = await ownedScope(ctx, { ownerId, projectId, conversationId });
    return await usageOf(ctx, scope, range);
  },
});

/** What budgets are measured by: all that a conversation and a person's day have taken, and what is set for them. */
export const means = systemQuery({
  args: { ownerId: v.string(), conversationId: v.string(), day: v.string() },
  returns: v.object({ conversation: used, conversationBudget: v.optional(bounds), day: used, dayBudget: v.optional(bounds) }),
  handler: async (ctx, { ownerId, conversationId, day }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    const given = await dayBudget(ctx, ownerId, day);
    return {
      conversation: await allOf(ctx, conversation._id),
      conversationBudget: conversation.budget,
      day: (await usageOf(ctx, { ownerId }, { from: day, to: day, groupBy: "day" })).total,
      dayBudget: given === null ? undefined : only(bounds, given),
    };
  },
});

/** Counts a request beside answers: a title, a commit message, what an editor asks for. The same `key` counts once. */
export const count = systemMutation({
  args: {
    ownerId: v.string(),
    projectId: v.optional(v.string()),
    conversationId: v.optional(v.string()),
    model: v.string(),
    usage,
    key: v.string(),
  },
  returns: v.null(),
  handler: async (ctx, call): Promise<null> => {
    await countSmall(ctx, call);
    return null;
  },
});
