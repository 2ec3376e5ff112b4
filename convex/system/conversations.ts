// Conversations, for the API.
import { v } from "convex/values";
import { ownedConversation, ownedProject } from "../model/access.ts";
import {
  beginningOfUntitled,
  chooseModel as choose,
  conversationOf,
  createConversation,
  entitleConversation,
  removeConversation,
  renameConversation,
} from "../model/conversations.ts";
import { setBudget as set } from "../model/budgets.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { conversationRecord, outboxRecord, toConversation, toOutbox } from "../model/records.ts";
import { todosDoc, todosOf } from "../model/todos.ts";
import { bounds, pageOf } from "../model/validators.ts";

export const create = systemMutation({
  args: {
    ownerId: v.string(),
    projectId: v.string(),
    title: v.string(),
    externalId: v.string(),
  },
  returns: conversationRecord,
  handler: async (ctx, { ownerId, projectId, title, externalId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return toConversation(await createConversation(ctx, project, title, externalId));
  },
});

/** The one that was made with this idempotency key; null: none, or it is deleted. */
export const keyed = systemQuery({
  args: { ownerId: v.string(), projectId: v.string(), externalId: v.string() },
  returns: v.union(v.null(), conversationRecord),
  handler: async (ctx, { ownerId, projectId, externalId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const known = await conversationOf(ctx, project, externalId);
    return known && toConversation(known);
  },
});

export const list = systemQuery({
  args: {
    ownerId: v.string(),
    projectId: v.string(),
    limit: v.number(),
    cursor: v.optional(v.string()),
  },
  returns: pageOf(conversationRecord),
  handler: async (ctx, { ownerId, projectId, limit, cursor }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const page = await ctx.db
      .query("conversations")
      .withIndex("by_project", (q) => q.eq("projectId", project._id).eq("deletedAt", undefined).eq("parentCall.messageId", undefined))
      .order("desc")
      .paginate({ numItems: Math.max(1, Math.min(limit, 100)), cursor: cursor ?? null });
    const nextCursor = page.isDone ? null : page.continueCursor;
    return { items: page.page.map(toConversation), nextCursor };
  },
});

export const get = systemQuery({
  args: { ownerId: v.string(), conversationId: v.string() },
  returns: conversationRecord,
  handler: async (ctx, { ownerId, conversationId }) => toConversation((await ownedConversation(ctx, ownerId, conversationId)).conversation),
});

export const rename = systemMutation({
  args: { ownerId: v.string(), conversationId: v.string(), title: v.string() },
  returns: conversationRecord,
  handler: async (ctx, { ownerId, conversationId, title }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    return toConversation(await renameConversation(ctx, conversation, title));
  },
});

export const chooseModel = systemMutation({
  args: { ownerId: v.string(), conversationId: v.string(), model: v.optional(v.string()) },
  returns: conversationRecord,
  handler: async (ctx, { ownerId, conversationId, model }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    return toConversation(await choose(ctx, conversation, model));
  },
});

/** Sets what its answers may take of models; without a budget, as everywhere. */
export const setBudget = systemMutation({
  args: { ownerId: v.string(), conversationId: v.string(), budget: v.optional(bounds) },
  returns: conversationRecord,
  handler: async (ctx, { ownerId, conversationId, budget }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    return toConversation(await set(ctx, conversation, budget ?? null));
  },
});

/** Hides a conversation and has it emptied; the events stop what is being written in it. */
export const remove = systemMutation({
  args: { ownerId: v.string(), conversationId: v.string() },
  returns: v.array(outboxRecord),
  handler: async (ctx, { ownerId, conversationId }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    return (await removeConversation(ctx, conversation, ownerId)).map(toOutbox);
  },
});

/** The first words of a conversation that is to get a title from them; null: it has one. */
export const untitled = systemQuery({
  args: { ownerId: v.string(), conversationId: v.string() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { ownerId, conversationId }) =>
    await beginningOfUntitled(ctx, (await ownedConversation(ctx, ownerId, conversationId)).conversation),
});

/** A title that was found for a conversation; one that somebody has named keeps its own. */
export const entitle = systemMutation({
  args: { ownerId: v.string(), conversationId: v.string(), title: v.string() },
  returns: v.boolean(),
  handler: async (ctx, { ownerId, conversationId, title }) => {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    return await entitleConversation(ctx, conversation, title);
  },
});

/** The newest plan of the model; null: it has made none. */
export const todos = systemQuery({
  args: { ownerId: v.string(), conversationId: v.string() },
  returns: v.union(todosDoc, v.null()),
  handler: async (ctx, { ownerId, conversationId }) =>
    await todosOf(ctx, (await ownedConversation(ctx, ownerId, conversationId)).conversation._id),
});
