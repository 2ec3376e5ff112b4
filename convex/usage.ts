// What the signed-in person has used of models, and what it cost.
import { v } from "convex/values";
import { query } from "./_generated/server";
import { callerId } from "./model/access.ts";
import { ownedScope, usageOf, usageRange, usageSummary } from "./model/usage.ts";

/** By day, model or project, from one day (UTC) to another, both included: of all projects, or of one project or conversation. */
export const summary = query({
  args: { ...usageRange, projectId: v.optional(v.id("projects")), conversationId: v.optional(v.id("conversations")) },
  returns: usageSummary,
  handler: async (ctx, { projectId, conversationId, ...range }) => {
    const scope = await ownedScope(ctx, { ownerId: await callerId(ctx), projectId, conversationId });
    return await usageOf(ctx, scope, range);
  },
});
