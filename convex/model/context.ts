// All that a run needs to answer a message: as much of the conversation as fits a budget, and the rest in short.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { contextCondensed, newestFor } from "./condensing.ts";
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
import { steerRecord, steersOf, toSteer } from "./steering.ts";
import { toolCallsOf, turnsOf } from "./transcript.ts";

const MAX_MESSAGES = 1_000; // three index ranges each, of the 4,096 that a function may read
// A function reads and returns 16 MiB, and a character may be 3 bytes: this, the entry that goes past it and the
// answer itself, 3 MiB each, fit.
const MOST_CHARS = 2_500_000;
const ROW_CHARS = 250; // what a turn or call costs besides its texts; also bounds how many rows are read

// What is left of an entry that is told in short.
const BRIEF_QUESTION_CHARS = 4_000;
const BRIEF_TEXT_CHARS = 1_500;
const BRIEF_VALUE_CHARS = 300; // of each argument and result of a call

const historyMessage = v.object({
  message: messageRecord,
  turns: v.array(turnRecord),
  toolCalls: v.array(toolCallRecord),
  steers: v.array(steerRecord), // what the model was told meanwhile
});
type HistoryMessage = Infer<typeof historyMessage>;
type Attachments = HistoryMessage["message"]["attachments"];

export const contextRecord = v.object({
  message: messageRecord,
  conversation: conversationRecord,
  project: projectRecord,
  history: v.array(historyMessage),
  turns: v.array(turnRecord),
  toolCalls: v.array(toolCallRecord),
  steers: v.array(steerRecord),
  isTruncated: v.boolean(),
  condensed: v.optional(contextCondensed),
});

export const earlierRecord = v.object({ history: v.array(historyMessage), isTruncated: v.boolean() });

export async function contextOf(ctx: QueryCtx, message: Doc<"messages">, maxChars: number): Promise<Infer<typeof contextRecord>> {
  const { conversation, project } = await present(ctx, message);
  const { history, isTruncated } = await read(ctx, message, message.order, Math.min(maxChars, MOST_CHARS));
  return {
    message: toMessage(message, await wholeText(ctx, message)),
    conversation: toConversation(conversation),
    project: toProject(project),
    history,
    turns: (await turnsOf(ctx, message._id)).map(toTurn),
    toolCalls: (await toolCallsOf(ctx, message._id)).map(toToolCall),
    steers: (await steersOf(ctx, message._id)).map(toSteer),
    isTruncated,
    condensed: await newestFor(ctx, message),
  };
}

export async function earlierThan(ctx: QueryCtx, message: Doc<"messages">, before: number): Promise<Infer<typeof earlierRecord>> {
  await present(ctx, message);
  const { history, isTruncated } = await read(ctx, message, before, MOST_CHARS);
  return { history: history.map(brief), isTruncated };
}

/** Where the message stands. Throws when its project is gone or going. */
async function present(ctx: QueryCtx, message: Doc<"messages">) {
  const conversation = await ctx.db.get(message.conversationId);
  const project = await ctx.db.get(message.projectId);
  const isGone = conversation?.deletedAt !== undefined || project?.deletedAt !== undefined;
  if (conversation === null || project === null || isGone) {
    throw notFound("Message not found");
  }
  return { conversation, project };
}

/** Entries before an order, oldest first, of which at most one goes past the budget: there is always one. */
async function read(
  ctx: QueryCtx,
  { conversationId }: Doc<"messages">,
  before: number,
  budget: number,
): Promise<Infer<typeof earlierRecord>> {
  const rows = ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversationId).lt("order", before))
    .order("desc");
  const history: HistoryMessage[] = [];
  let used = 0;
  for await (const row of rows) {
    if (row.status === "processing") continue; // queued behind, or just being cancelled
    if (await isToldElsewhere(ctx, row)) continue;
    const entry = await told(ctx, row);
    used += sizeOf(entry);
    if (history.length > 0 && (used > budget || history.length === MAX_MESSAGES)) {
      return { history: history.reverse(), isTruncated: true };
    }
    history.push(entry);
  }
  return { history: history.reverse(), isTruncated: false };
}

/** Whether the message is part of an answer: the model was told it then, or will be. */
async function isToldElsewhere(ctx: QueryCtx, { steers, toldIn }: Doc<"messages">): Promise<boolean> {
  if (steers === undefined || toldIn !== undefined) return steers !== undefined;
  return (await ctx.db.get(steers))?.status === "processing";
}

/** What was asked, said and called, without results; thoughts go, too. */
function brief({ message, turns, toolCalls, steers }: HistoryMessage): HistoryMessage {
  const chars = message.role === "user" ? BRIEF_QUESTION_CHARS : BRIEF_TEXT_CHARS;
  return {
    message: {
      ...message,
      content: turns.length > 0 ? "" : shortened(message.content, chars),
      attachments: withoutTexts(message.attachments),
    },
    turns: turns.map((turn) => ({
      ...turn,
      parts: turn.parts
        .filter((part) => part.type !== "thinking")
        .map((part) => ({ ...part, text: part.text && shortened(part.text, BRIEF_TEXT_CHARS) })),
    })),
    toolCalls: toolCalls.map((call) => ({
      ...call,
      argumentsJson: briefArguments(call.argumentsJson),
      output: call.status === "completed" ? undefined : call.output && shortened(call.output, BRIEF_VALUE_CHARS),
    })),
    steers: steers.map((steer) => ({
      ...steer,
      content: shortened(steer.content, BRIEF_QUESTION_CHARS),
      attachments: withoutTexts(steer.attachments),
    })),
  };
}

function withoutTexts(attachments: Attachments): Attachments {
  return attachments?.map((one) => ({ ...one, text: undefined }));
}

function attachedChars(attachments: Attachments): number {
  return (attachments ?? []).reduce((sum, { text = "" }) => sum + text.length, 0);
}

function briefArguments(json: string): string {
  if (json.length <= BRIEF_VALUE_CHARS) return json;
  const values = Object.entries(JSON.parse(json) as Record<string, unknown>);
  const kept = values
    .map(([name, value]) => [name, typeof value === "string" ? shortened(value, BRIEF_VALUE_CHARS) : value])
    .filter(([, value]) => JSON.stringify(value).length <= 6 * BRIEF_VALUE_CHARS);
  return JSON.stringify(Object.fromEntries(kept));
}

function shortened(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars)}… [the rest is left out to save room]`;
}

async function told(ctx: QueryCtx, row: Doc<"messages">): Promise<HistoryMessage> {
  const message = toMessage(row, await wholeText(ctx, row));
  if (row.role === "user") return { message, turns: [], toolCalls: [], steers: [] };
  const turns = (await turnsOf(ctx, row._id)).map(toTurn);
  const toolCalls = (await toolCallsOf(ctx, row._id)).map(toToolCall);
  const told = (await steersOf(ctx, row._id)).filter((steer) => steer.toldIn !== undefined);
  return { message, turns, toolCalls, steers: told.map(toSteer) };
}

function sizeOf({ message, turns, toolCalls, steers }: HistoryMessage): number {
  let chars = message.content.length + attachedChars(message.attachments);
  for (const { parts } of turns) {
    chars += ROW_CHARS;
    for (const part of parts) chars += (part.text ?? "").length + (part.signature ?? "").length;
  }
  for (const call of toolCalls) chars += ROW_CHARS + call.argumentsJson.length + (call.output ?? "").length;
  for (const { content, attachments } of steers) chars += content.length + attachedChars(attachments);
  return chars;
}
