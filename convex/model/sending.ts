// A message is sent, or a failed answer is tried again: rows and event in one mutation, after the busy policy.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { attachedBytes, type Kept } from "./attached.ts";
import { hold } from "./attachments.ts";
import { isUntitled } from "./conversations.ts";
import { resetStream } from "./deltas.ts";
import { conflict, refused } from "./errors.ts";
import { cancel, generationId, generationOf } from "./messages.ts";
import { serversOf } from "./mcp.ts";
import { emit } from "./outbox.ts";
import { outboxRecord, toOutbox } from "./records.ts";
import { bytesOf } from "./rows.ts";
import { requireRun, runningIn } from "./running.ts";
import { settingsOfRun } from "./settings.ts";
import { dropTasks, refuseTask } from "./tasks.ts";
import { MAX_STEERS, steersOf, tellAgain, untoldOf } from "./steering.ts";
import { dropTodos } from "./todos.ts";
import { ANSWER_BYTES, dropTranscript } from "./transcript.ts";
import type { busyPolicy } from "./validators.ts";

const MAX_CONTENT = 100_000; // characters; the API may allow less

export const sentRecord = v.object({
  userMessageId: v.id("messages"),
  messageId: v.id("messages"),
  conversationId: v.id("conversations"),
  projectId: v.id("projects"),
  eventId: v.string(),
  steers: v.optional(v.id("messages")), // the message is part of this answer, which was being written: that of `messageId`
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
  attach?: () => Promise<Kept[]>; // not asked for where the message was sent before
}

export async function sendMessage(ctx: MutationCtx, conversation: Doc<"conversations">, message: NewMessage): Promise<Sent> {
  const { ownerId, content, policy, externalId, model, attach } = message;
  refuseTask(conversation);
  checkContent(content);
  const before = await ctx.db
    .query("messages")
    .withIndex("by_external", (q) => q.eq("conversationId", conversation._id).eq("externalId", externalId))
    .first();
  if (before !== null) return await sentBefore(ctx, before, content);

  const attachments = attach && (await attach());
  const said = { content, externalId, attachments: attachments?.length ? attachments : undefined };
  const steered = policy === "steer" && (await steer(ctx, conversation, said));
  if (steered) return steered;
  const stopped = await makeRoom(ctx, conversation, { ownerId, policy });
  await requireRun(ctx, ownerId);
  const { userMessageId, messageId } = await insertExchange(ctx, conversation, { ...said, ownerId, chosenModel: model });
  if (isUntitled(conversation)) await wantTitle(ctx, { userMessageId, conversation, ownerId });
  return await announce(ctx, { userMessageId, messageId, ownerId, stopped });
}

export function checkContent(content: string): void {
  if (content.trim() === "") throw refused("empty_message", "Message is required");
  if (content.length > MAX_CONTENT) {
    const text = `A message must not be longer than ${MAX_CONTENT} characters`;
    throw refused("message_too_long", text);
  }
}

/** A person's message, the placeholder of its answer and the run behind it; nothing says yet that it is to begin. */
export async function insertExchange(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  {
    content,
    externalId,
    attachments,
    ...run
  }: { content: string; externalId: string; attachments?: Kept[] } & Pick<
    Doc<"generations">,
    "runId" | "projectGenerationId" | "chosenModel" | "ownerId"
  >,
): Promise<{ userMessageId: Id<"messages">; messageId: Id<"messages"> }> {
  const order = await nextOrder(ctx, conversation);
  const userMessageId = await insertSaid(ctx, conversation, { content, externalId, attachments, order });
  return { userMessageId, messageId: await insertAnswer(ctx, conversation, { order: order + 1, ...run }) };
}

async function nextOrder(ctx: MutationCtx, { _id }: Doc<"conversations">): Promise<number> {
  const last = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", _id))
    .order("desc")
    .first();
  return (last?.order ?? -1) + 1;
}

async function insertSaid(
  ctx: MutationCtx,
  { _id, projectId }: Doc<"conversations">,
  said: Pick<Doc<"messages">, "content" | "externalId" | "attachments" | "order" | "steers">,
): Promise<Id<"messages">> {
  const row = { conversationId: _id, projectId, startedAt: Date.now(), role: "user" as const, ...said };
  const messageId = await ctx.db.insert("messages", row);
  await hold(ctx, messageId, said.attachments);
  return messageId;
}

/** The placeholder of an answer to the message right before it, and the run behind it. */
async function insertAnswer(
  ctx: MutationCtx,
  { _id: conversationId, projectId }: Doc<"conversations">,
  { order, ...run }: { order: number } & Pick<Doc<"generations">, "runId" | "projectGenerationId" | "chosenModel" | "ownerId">,
): Promise<Id<"messages">> {
  const startedAt = Date.now();
  const shared = { conversationId, projectId, status: "processing" as const };
  const messageId = await ctx.db.insert("messages", { ...shared, startedAt, order, role: "assistant", content: "" });
  await ctx.db.insert("generations", { ...shared, messageId, epoch: 0, round: 0, heartbeatAt: startedAt, ...run });
  await ctx.db.patch(conversationId, { updatedAt: startedAt });
  return messageId;
}

/** The message becomes part of the answer that is being written; null where none is, or it could hold no more. */
async function steer(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  said: Pick<NewMessage, "content" | "externalId"> & { attachments?: Kept[] },
): Promise<Sent | null> {
  const generation = (await runningIn(ctx, conversation._id))[0];
  if (generation === undefined) return null;
  const keptBytes = (generation.keptBytes ?? 0) + bytesOf(said.content) + attachedBytes(said.attachments);
  const before = await steersOf(ctx, generation.messageId);
  if (before.length >= MAX_STEERS || keptBytes > ANSWER_BYTES) return null;
  const order = await nextOrder(ctx, conversation);
  const steers = generation.messageId;
  const userMessageId = await insertSaid(ctx, conversation, { ...said, order, steers });
  await ctx.db.patch(generation._id, { keptBytes });
  await ctx.db.patch(conversation._id, { updatedAt: Date.now() });
  return { ...sent(generation, { userMessageId, stopped: [], events: [], isDuplicate: false }), steers };
}

/**
 * What the person said too late for an answer that has ended well is answered by another: the first of it is the
 * question, and the rest steers that answer. All of it moves behind what was said since.
 */
export async function answerUntold(ctx: MutationCtx, ended: Doc<"messages">): Promise<void> {
  const [first, ...rest] = await untoldOf(ctx, ended._id);
  if (first === undefined) return;
  const conversation = await ctx.db.get(ended.conversationId);
  const project = await ctx.db.get(ended.projectId);
  if (conversation === null || project === null) throw new Error("a message without its conversation");
  const next = await nextOrder(ctx, conversation);
  const order = first.order + rest.length + 1 === next ? first.order : next;
  await ctx.db.patch(first._id, { order, steers: undefined });
  const messageId = await insertAnswer(ctx, conversation, { order: order + 1, ownerId: project.ownerId });
  for (const [index, row] of rest.entries()) await ctx.db.patch(row._id, { order: order + 2 + index, steers: messageId });
  await announce(ctx, { userMessageId: first._id, messageId, ownerId: project.ownerId, stopped: [] });
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
  refuseTask(conversation);
  const stopped = await makeRoom(ctx, conversation, { ownerId, policy });
  await requireRun(ctx, ownerId);
  await dropTasks(ctx, message._id);
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
    ownerId,
    round: generation.round + 1,
    retryKey: externalId,
    runId: undefined,
    status: "processing",
    heartbeatAt: startedAt,
    keptBytes: await tellAgain(ctx, message._id),
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
  if (policy === "queue" || policy === "steer") return [];
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
  const conversation = await ctx.db.get(conversationId);
  const model = generation.chosenModel ?? conversation?.model;
  const settings = settingsOfRun((await ctx.db.get(projectId))?.settings);
  const event = await emit(ctx, {
    eventId: generationId(generation),
    name: "message/sent",
    data: {
      messageId,
      conversationId,
      projectId,
      ...(usesMcp && { usesMcp }),
      ...(model !== undefined && { model }),
      ...settings,
      asksForMeans: true, // of runs that began before there was such a question, nobody is asked
      ...(conversation?.budget !== undefined && { hasBudget: true }),
    },
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
  const generation = await generationOf(ctx, prompt.steers ?? (await answerOf(ctx, prompt)));
  if (generation === null) throw new Error("a message without its answer");
  const events = await pendingOf(ctx, generationId(generation));
  const again = sent(generation, { userMessageId: prompt._id, stopped: [], events, isDuplicate: true });
  return { ...again, steers: prompt.steers };
}

async function answerOf(ctx: MutationCtx, prompt: Doc<"messages">): Promise<Id<"messages">> {
  const answer = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", prompt.conversationId).eq("order", prompt.order + 1))
    .unique();
  if (answer === null) throw new Error("a message without its answer");
  return answer._id;
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
