// Sub-agents: asked by the run whose call they work for.
import { v } from "convex/values";
import { ownedMessage } from "../model/access.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { openTask } from "../model/task_opening.ts";
import { taskDoc, tasksOf } from "../model/tasks.ts";
import { held } from "../model/transcript.ts";

/** Asks for a sub-agent, once for each call; the message that it is to answer with. */
export const open = systemMutation({
  args: {
    messageId: v.string(),
    epoch: v.number(),
    turn: v.number(),
    toolCallId: v.string(),
    title: v.string(),
    prompt: v.string(),
    model: v.optional(v.string()),
  },
  returns: v.id("messages"),
  handler: async (ctx, { messageId, epoch, ...task }) => await openTask(ctx, (await held(ctx, messageId, epoch)).generation, task),
});

export const list = systemQuery({
  args: { ownerId: v.string(), messageId: v.string() },
  returns: v.array(taskDoc),
  handler: async (ctx, { ownerId, messageId }) => await tasksOf(ctx, (await ownedMessage(ctx, ownerId, messageId)).message._id),
});
