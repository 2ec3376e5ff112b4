// A message is edited: a new conversation holds all that came before it, as copies, and answers the edited one.
//
// Copies, and no reference to the old conversation: so that each can be read, deleted and gone on with by itself, with
// nothing else in the house knowing of forks. Large ones are copied in several mutations; until the last the new one is
// hidden.
import type { WithoutSystemFields } from "convex/server";
import type { Infer } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { kept } from "./attachments.ts";
import { conflict, notFound } from "./errors.ts";
import { bytesOf } from "./rows.ts";
import { checkContent, sendMessage } from "./sending.ts";
import { steersOf } from "./steering.ts";
import { keptPartsOf, toolCallsOf, turnsOf } from "./transcript.ts";
import type { newAttachment } from "./validators.ts";

const COPIED_BYTES = 2 << 20; // in a mutation, and the answer that goes past it, which is several times that
const COPIED_ROWS = 500;
const PAGE = 100; // messages
const UNFINISHED_MS = 3_600_000;
const MAX_IMAGES = 500;

export interface Edited {
  ownerId: string;
  content: string;
  attachments?: Infer<typeof newAttachment>[]; // absent: those of the edited message
  externalId: string;
}

type Conversation = Doc<"conversations">;

/** Goes on with a fork, or begins it: null while there is more to copy, and then the message that was sent. */
export async function fork(ctx: MutationCtx, edited: Doc<"messages">, { ownerId, content, attachments, externalId }: Edited) {
  const known = await ctx.db
    .query("conversations")
    .withIndex("by_external", (q) => q.eq("projectId", edited.projectId).eq("externalId", `edit:${externalId}`))
    .first();
  if (known !== null && known.editedFrom !== edited._id) {
    throw conflict("idempotency_key_reused", "This idempotency key was used for another message");
  }
  if (known?.deletedAt !== undefined && known.copiedBefore === undefined) throw notFound("Conversation not found");
  const conversation = known ?? (await begin(ctx, edited, { content, externalId }));
  if (conversation.copiedBefore !== undefined) {
    const next = await copySome(ctx, conversation, edited);
    if (next !== undefined) {
      await ctx.db.patch(conversation._id, { copiedBefore: next });
      return null;
    }
    await ctx.db.patch(conversation._id, { copiedBefore: undefined, deletedAt: undefined });
  }
  const attach = async () => (attachments === undefined ? (edited.attachments ?? []) : await kept(ctx, edited.projectId, attachments));
  return await sendMessage(ctx, conversation, { ownerId, content, attach, policy: "queue", externalId });
}

async function begin(
  ctx: MutationCtx,
  edited: Doc<"messages">,
  { content, externalId }: Pick<Edited, "content" | "externalId">,
): Promise<Conversation> {
  checkContent(content);
  if (edited.role !== "user") throw conflict("not_a_question", "Only a message of the person can be edited");
  if (edited.toldIn !== undefined || (await isAnswering(ctx, edited.steers))) {
    throw conflict("message_steers", "The message is part of an answer; edit the one that it answers");
  }
  const before = await ctx.db.get(edited.conversationId);
  if (before === null || before.deletedAt !== undefined) throw notFound("Message not found");
  const running = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", before._id).lt("order", edited.order))
    .order("desc")
    .filter((q) => q.eq(q.field("status"), "processing"))
    .first();
  if (running !== null) {
    const text = "An answer before this message is being written; cancel it or wait";
    throw conflict("message_in_progress", text, { messageId: running._id });
  }
  const now = Date.now();
  const conversationId = await ctx.db.insert("conversations", {
    projectId: before.projectId,
    title: before.title,
    isNamed: before.isNamed,
    model: before.model,
    updatedAt: now,
    externalId: `edit:${externalId}`,
    editedFrom: edited._id,
    copiedBefore: 0,
    deletedAt: now,
  });
  await ctx.scheduler.runAfter(UNFINISHED_MS, internal.system.forking.dropUnfinished, { conversationId });
  const row = await ctx.db.get(conversationId);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

async function isAnswering(ctx: MutationCtx, messageId: Id<"messages"> | undefined): Promise<boolean> {
  return messageId !== undefined && (await ctx.db.get(messageId))?.status === "processing";
}

/** Copies the next messages before the edited one; the order to go on from, if there are more. */
async function copySome(ctx: MutationCtx, into: Conversation, edited: Doc<"messages">): Promise<number | undefined> {
  const rows = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) =>
      q
        .eq("conversationId", edited.conversationId)
        .gte("order", into.copiedBefore ?? 0)
        .lt("order", edited.order),
    )
    .take(PAGE);
  const copying = new Copying(ctx, into._id);
  for (const row of rows) {
    if (copying.isFull) return row.order;
    if (row.toldIn === undefined) await copying.message(row); // what was told goes with the answer that was
  }
  const last = rows.at(-1);
  return last !== undefined && rows.length === PAGE ? last.order + 1 : undefined;
}

class Copying {
  private readonly ctx: MutationCtx;
  private readonly conversationId: Id<"conversations">;
  private bytes = 0;
  private rows = 0;

  constructor(ctx: MutationCtx, conversationId: Id<"conversations">) {
    this.ctx = ctx;
    this.conversationId = conversationId;
  }

  get isFull(): boolean {
    return this.bytes > COPIED_BYTES || this.rows > COPIED_ROWS;
  }

  async message(row: Doc<"messages">): Promise<void> {
    const messageId = await this.row(row);
    if (row.role === "user") return;
    for (const turn of await turnsOf(this.ctx, row._id)) await this.insert("turns", { ...turn, messageId });
    for (const call of await toolCallsOf(this.ctx, row._id)) {
      await this.insert("toolCalls", { ...call, messageId });
      const key = { turn: call.turn, toolCallId: call.toolCallId };
      const parts = await keptPartsOf(this.ctx, { messageId: row._id, ...key });
      if (parts.length > 0) await this.insert("resultParts", { messageId, ...key, parts });
    }
    const plans = await this.ctx.db
      .query("todos")
      .withIndex("by_message", (q) => q.eq("messageId", row._id))
      .take(MAX_IMAGES);
    for (const plan of plans) await this.insert("todos", { ...plan, messageId, conversationId: this.conversationId });
    const summaries = await this.ctx.db
      .query("condensations")
      .withIndex("by_message", (q) => q.eq("messageId", row._id))
      .collect(); // one a turn at most
    for (const summary of summaries) await this.insert("condensations", { ...summary, messageId, conversationId: this.conversationId });
    for (const told of await steersOf(this.ctx, row._id)) {
      if (told.toldIn !== undefined) await this.row({ ...told, steers: messageId });
    }
  }

  /** The row of a message and its text; its key stays with the old one. */
  private async row(row: Doc<"messages">): Promise<Id<"messages">> {
    const messageId = await this.insert("messages", {
      ...row,
      conversationId: this.conversationId,
      externalId: undefined,
      status: row.status === "processing" ? "cancelled" : row.status, // tried again since the fork began
      ...(row.toldIn === undefined && { steers: undefined }),
    });
    const texts = await this.ctx.db
      .query("messageTexts")
      .withIndex("by_message", (q) => q.eq("messageId", row._id))
      .take(PAGE);
    for (const text of row.chunks ? texts : []) await this.insert("messageTexts", { ...text, messageId });
    const images = await this.ctx.db
      .query("resultImages")
      .withIndex("by_message", (q) => q.eq("messageId", row._id))
      .take(MAX_IMAGES);
    for (const image of images) await this.insert("resultImages", { ...image, messageId });
    return messageId;
  }

  /** A row without what the database gives it. */
  private async insert<T extends Copied>(table: T, row: WithoutSystemFields<Doc<T>>): Promise<Id<T>> {
    const { _id, _creationTime, ...fields } = row as Partial<Doc<T>>;
    this.rows += 1;
    this.bytes += bytesOf(JSON.stringify(fields));
    return await this.ctx.db.insert(table, fields as WithoutSystemFields<Doc<T>>);
  }
}

type Copied = "messages" | "messageTexts" | "turns" | "toolCalls" | "resultParts" | "resultImages" | "todos" | "condensations";
