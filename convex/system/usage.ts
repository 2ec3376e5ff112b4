// What a person has used of models, for the API and for budgets.
import { v } from "convex/values";
import { systemQuery } from "../model/functions.ts";
import { ownedScope, usageOf, usageRange, usageSummary } from "../model/usage.ts";

export const summary = systemQuery({
  args: { ...usageRange, ownerId: v.string(), projectId: v.optional(v.string()), conversationId: v.optional(v.string()) },
  returns: usageSummary,
  handler: async (ctx, { ownerId, projectId, conversationId, ...range }) => {
    const scope = await ownedScope(ctx, { ownerId, projectId, conversationId });
    return await usageOf(ctx, scope, range);
  },
});
