// A message is sent, or a failed answer is tried again: rows and event in one mutation, after the busy policy.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { isUntitled } from "./conversations.ts";
import { resetStream } from "./deltas.ts";
import { conflict, refused } from "./errors.ts";
import { cancel, generationId, generationOf, runningIn } from "./messages.ts";
import { serversOf } from "./mcp.ts";
import { emit } from "./outbox.ts";
import { outboxRecord, toOutbox } from "./records.ts";
import { settingsOfRun } from "./settings.ts";
import { dropTodos } from "./todos.ts";
import { dropTranscript } from "./transcript.ts";
import type { busyPolicy } from "./validators.ts";

const MAX_CONTENT = 100_000; // characters; the API may allow less

export const sentRecord = v.object({
  userMessageId: v.id("messages"),
  messageId: v.id("messages"),
  conversationId: v.id("conversations"),
  projectId: v.id("projects"),
  eventId: v.string(),
  cancelled: v.array(v.id("messages")),
  events: v.array(outboxRecord),
  isDuplicate: v.boolean(),
});
type Sent = Infer<typeof sentRecord>;

export interface NewMessage {
  ownerId: string;
  content: string;
  policy: Infer<typeof busyPolicy>;
  externalId: string;
  model?: string;
}

export async function sendMessage(ctx: MutationCtx, conversation: Doc<"conversations">, message: NewMessage): Promise<Sent> {
  const { ownerId, content, policy, externalId, model } = message;
  if (content.trim() === "") throw refused("empty_message", "Message is required");
  if (content.length > MAX_CONTENT) {
    const text = `A message must not be longer than ${MAX_CONTENT} characters`;
    throw refused("message_too_long", text);
  }
  const before = await ctx.db
    .query("messages")
    .withIndex("by_external", (q) => q.eq("conversationId", conversation._id).eq("externalId", externalId))
    .first();
  if (before !== null) return await sentBefore(ctx, before, content);

  const stopped = await makeRoom(ctx, conversation, { ownerId, policy });
  const { userMessageId, messageId } = await insertExchange(ctx, conversation, { content, externalId, chosenModel: model });
  if (isUntitled(conversation)) await wantTitle(ctx, { userMessageId, conversation, ownerId });
  return await announce(ctx, { userMessageId, messageId, ownerId, stopped });
}

/** A person's message, the placeholder of its answer and the run behind it; nothing says yet that it is to begin. */
export async function insertExchange(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  {
    content,
    externalId,
    ...run
  }: { content: string; externalId: string } & Pick<Doc<"generations">, "runId" | "projectGenerationId" | "chosenModel">,
): Promise<{ userMessageId: Id<"messages">; messageId: Id<"messages"> }> {
  const last = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id))
    .order("desc")
    .first();
  const order = (last?.order ?? -1) + 1;
  const startedAt = Date.now();
  const shared = {
    conversationId: conversation._id,
    projectId: conversation.projectId,
    startedAt,
  };
  const userMessageId = await ctx.db.insert("messages", {
    ...shared,
    externalId,
    order,
    role: "user",
    content,
  });
  const messageId = await ctx.db.insert("messages", {
    ...shared,
    order: order + 1,
    role: "assistant",
    status: "processing",
    content: "",
  });
  await ctx.db.insert("generations", {
    messageId,
    conversationId: conversation._id,
    projectId: conversation.projectId,
    epoch: 0,
    round: 0,
    status: "processing",
    heartbeatAt: startedAt,
    ...run,
  });
  await ctx.db.patch(conversation._id, { updatedAt: startedAt });
  return { userMessageId, messageId };
}

export async function retryMessage(
  ctx: MutationCtx,
  message: Doc<"messages">,
  { ownerId, policy, externalId }: Omit<NewMessage, "content">,
): Promise<Sent> {
  const generation = await generationOf(ctx, message._id);
  if (generation === null) throw conflict("not_an_answer", "Only an answer can be retried");
  const userMessageId = (await promptOf(ctx, message))._id;
  if (generation.retryKey === externalId) {
    const events = await pendingOf(ctx, generationId(generation));
    return sent(generation, { userMessageId, stopped: [], events, isDuplicate: true });
  }
  if (message.status !== "failed") {
    const text = `Only a failed message can be retried; this one is ${message.status}`;
    throw conflict("message_not_failed", text);
  }
  const conversation = await ctx.db.get(message.conversationId);
  if (conversation === null) throw new Error("a message without its conversation");
  const stopped = await makeRoom(ctx, conversation, { ownerId, policy });
  await dropTranscript(ctx, message._id);
  await dropTodos(ctx, message._id);
  await resetStream(ctx, generation);
  const startedAt = Date.now();
  await ctx.db.patch(message._id, {
    status: "processing",
    content: "",
    chunks: undefined,
    error: undefined,
    errorCode: undefined,
    usage: undefined,
    model: undefined,
    waitingUntil: undefined,
    isHistoryCut: undefined,
    endedEarly: undefined,
    runId: undefined,
    endedAt: undefined,
    startedAt,
  });
  await ctx.db.patch(generation._id, {
    round: generation.round + 1,
    retryKey: externalId,
    runId: undefined,
    status: "processing",
    heartbeatAt: startedAt,
    keptBytes: undefined,
    keptCalls: undefined,
    partBytes: undefined,
    imageBytes: undefined,
    usage: undefined,
    model: undefined,
  });
  await ctx.db.patch(conversation._id, { updatedAt: startedAt });
  return await announce(ctx, { userMessageId, messageId: message._id, ownerId, stopped });
}

/** Applies the busy policy: what runs in the conversation is cancelled, is a reason to refuse, or is left alone. */
async function makeRoom(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  { ownerId, policy }: Pick<NewMessage, "ownerId" | "policy">,
): Promise<Stopped[]> {
  if (policy === "queue") return [];
  const running = await runningIn(ctx, conversation._id);
  const first = running[0];
  if (first !== undefined && policy === "reject") {
    const text = "A message is already being processed";
    throw conflict("message_in_progress", text, { messageId: first.messageId });
  }
  const stopped: Stopped[] = [];
  for (const generation of running) {
    stopped.push({ generation, event: await cancel(ctx, generation, ownerId) });
  }
  return stopped;
}

interface Stopped {
  generation: Doc<"generations">;
  event: Doc<"outbox">;
}

interface Announcement {
  userMessageId: Doc<"messages">["_id"];
  messageId: Doc<"messages">["_id"];
  ownerId: string;
  stopped: Stopped[];
}

async function announce(ctx: MutationCtx, { userMessageId, messageId, ownerId, stopped }: Announcement): Promise<Sent> {
  const generation = await generationOf(ctx, messageId);
  if (generation === null) throw new Error("a row written just now is gone");
  const { conversationId, projectId } = generation;
  const usesMcp = (await serversOf(ctx, projectId)).length > 0;
  const model = generation.chosenModel ?? (await ctx.db.get(conversationId))?.model;
  const settings = settingsOfRun((await ctx.db.get(projectId))?.settings);
  const event = await emit(ctx, {
    eventId: generationId(generation),
    name: "message/sent",
    data: { messageId, conversationId, projectId, ...(usesMcp && { usesMcp }), ...(model !== undefined && { model }), ...settings },
    userId: ownerId,
  });
  await ctx.db.patch(generation.projectId, { updatedAt: Date.now() });
  const events = [...stopped.map((one) => one.event), event];
  return sent(generation, { userMessageId, stopped, events, isDuplicate: false });
}

async function sentBefore(ctx: MutationCtx, prompt: Doc<"messages">, content: string): Promise<Sent> {
  if (prompt.content !== content) {
    const text = "This idempotency key was used for another message";
    throw conflict("idempotency_key_reused", text);
  }
  const answer = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", prompt.conversationId).eq("order", prompt.order + 1))
    .unique();
  const generation = answer && (await generationOf(ctx, answer._id));
  if (!generation) throw new Error("a message without its answer");
  const events = await pendingOf(ctx, generationId(generation));
  return sent(generation, { userMessageId: prompt._id, stopped: [], events, isDuplicate: true });
}

/** Has a title found. The relay alone sends the event, seconds later: it holds up no answer. */
async function wantTitle(
  ctx: MutationCtx,
  { userMessageId, conversation, ownerId }: { userMessageId: Id<"messages">; conversation: Doc<"conversations">; ownerId: string },
): Promise<void> {
  const eventId = `title-${userMessageId}`;
  const data = { conversationId: conversation._id };
  await emit(ctx, { eventId, name: "conversation/title.wanted", data, userId: ownerId });
}

interface Outcome {
  userMessageId: Doc<"messages">["_id"];
  stopped: Stopped[];
  events: Doc<"outbox">[];
  isDuplicate: boolean;
}

function sent(generation: Doc<"generations">, outcome: Outcome): Sent {
  return {
    userMessageId: outcome.userMessageId,
    messageId: generation.messageId,
    conversationId: generation.conversationId,
    projectId: generation.projectId,
    eventId: generationId(generation),
    cancelled: outcome.stopped.map((one) => one.generation.messageId),
    events: outcome.events.map(toOutbox),
    isDuplicate: outcome.isDuplicate,
  };
}

async function pendingOf(ctx: MutationCtx, eventId: string): Promise<Doc<"outbox">[]> {
  return await ctx.db
    .query("outbox")
    .withIndex("by_event", (q) => q.eq("eventId", eventId))
    .take(1);
}

/** The person's message that an answer answers: the one right before it. */
async function promptOf(ctx: MutationCtx, answer: Doc<"messages">): Promise<Doc<"messages">> {
  const prompt = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", answer.conversationId).eq("order", answer.order - 1))
    .unique();
  if (prompt === null) throw new Error("an answer without its question");
  return prompt;
}
