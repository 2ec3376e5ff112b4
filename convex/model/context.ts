// All that a run needs to answer a message, with as much of the conversation as fits a budget.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { notFound } from "./errors.ts";
import { wholeText } from "./messages.ts";
import {
  conversationRecord,
  messageRecord,
  projectRecord,
  toConversation,
  toMessage,
  toProject,
  toolCallRecord,
  toToolCall,
  toTurn,
  turnRecord,
} from "./records.ts";
import { toolCallsOf, turnsOf } from "./transcript.ts";

const MAX_MESSAGES = 200;
// A function reads and returns 16 MiB, and a character may be 3 bytes: this, the entry that goes past it and the
// answer itself, 3 MiB each, fit.
const MOST_CHARS = 2_500_000;
const ROW_CHARS = 250; // what a turn or call costs besides its texts; also bounds how many rows are read

const historyMessage = v.object({
  message: messageRecord,
  turns: v.array(turnRecord),
  toolCalls: v.array(toolCallRecord),
});
type HistoryMessage = Infer<typeof historyMessage>;

export const contextRecord = v.object({
  message: messageRecord,
  conversation: conversationRecord,
  project: projectRecord,
  history: v.array(historyMessage),
  turns: v.array(turnRecord),
  toolCalls: v.array(toolCallRecord),
  isTruncated: v.boolean(),
});

export async function contextOf(
  ctx: QueryCtx,
  message: Doc<"messages">,
  maxChars: number,
): Promise<Infer<typeof contextRecord>> {
  const conversation = await ctx.db.get(message.conversationId);
  const project = await ctx.db.get(message.projectId);
  if (conversation === null || project === null || project.deletedAt !== undefined) {
    throw notFound("Message not found");
  }
  const earlier = ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) =>
      q.eq("conversationId", conversation._id).lt("order", message.order),
    )
    .order("desc");
  const history: HistoryMessage[] = [];
  const budget = Math.min(maxChars, MOST_CHARS);
  let used = 0;
  let isTruncated = false;
  for await (const row of earlier) {
    if (row.status === "processing") continue; // queued behind, or just being cancelled
    const entry = await told(ctx, row);
    used += sizeOf(entry);
    // The question itself, which comes first here, is always part of it.
    if (history.length > 0 && (used > budget || history.length === MAX_MESSAGES)) {
      isTruncated = true;
      break;
    }
    history.push(entry);
  }
  return {
    message: toMessage(message, await wholeText(ctx, message)),
    conversation: toConversation(conversation),
    project: toProject(project),
    history: history.reverse(),
    turns: (await turnsOf(ctx, message._id)).map(toTurn),
    toolCalls: (await toolCallsOf(ctx, message._id)).map(toToolCall),
    isTruncated,
  };
}

async function told(ctx: QueryCtx, row: Doc<"messages">): Promise<HistoryMessage> {
  const message = toMessage(row, await wholeText(ctx, row));
  if (row.role === "user") return { message, turns: [], toolCalls: [] };
  const turns = (await turnsOf(ctx, row._id)).map(toTurn);
  const toolCalls = (await toolCallsOf(ctx, row._id)).map(toToolCall);
  return { message, turns, toolCalls };
}

function sizeOf({ message, turns, toolCalls }: HistoryMessage): number {
  let chars = message.content.length;
  for (const { parts } of turns) {
    chars += ROW_CHARS;
    for (const part of parts) chars += (part.text ?? "").length + (part.signature ?? "").length;
  }
  for (const call of toolCalls) chars += ROW_CHARS + call.argumentsJson.length + (call.output ?? "").length;
  return chars;
}
