// How a sub-agent begins: a call of an agent becomes a question in a conversation of its own.
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { refused } from "./errors.ts";
import { insertExchange } from "./sending.ts";
import { answerIn } from "./tasks.ts";
import { startToolCall } from "./transcript.ts";

const MAX_PROMPT = 100_000; // characters, as of a message
const MAX_TITLE = 300;

export interface NewTask {
  turn: number;
  toolCallId: string;
  title: string;
  prompt: string;
  model?: string;
}

/** Shows the call as running, with a conversation in which its sub-agent is asked; the answer that is to be written. */
export async function openTask(ctx: MutationCtx, parent: Doc<"generations">, task: NewTask): Promise<Id<"messages">> {
  const { turn, toolCallId, title, prompt, model } = task;
  const { messageId, conversationId, projectId, runId } = parent;
  await startToolCall(ctx, parent, { turn, toolCallId });
  const known = await ctx.db
    .query("conversations")
    .withIndex("by_parent", (q) =>
      q
        .eq("parentCall.messageId", messageId)
        .eq("deletedAt", undefined)
        .eq("parentCall.turn", turn)
        .eq("parentCall.toolCallId", toolCallId),
    )
    .first();
  if (known !== null) return (await answerIn(ctx, known))._id;
  if (prompt.length > MAX_PROMPT || title.trim() === "") throw refused("bad_task", "A task needs a title and a prompt of bounded length");
  const id = await ctx.db.insert("conversations", {
    projectId,
    title: title.slice(0, MAX_TITLE),
    isNamed: true,
    updatedAt: Date.now(),
    parentCall: { conversationId, messageId, turn, toolCallId },
  });
  const conversation = await ctx.db.get(id);
  if (conversation === null) throw new Error("a row written just now is gone");
  const externalId = `task:${messageId}:${turn}:${toolCallId}`;
  // Until the sub-agent's run takes it over, the answer is that of the run which asks for it.
  return (await insertExchange(ctx, conversation, { content: prompt, externalId, runId, chosenModel: model })).messageId;
}
