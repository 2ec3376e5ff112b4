// Messages: long texts, streamed text, and the one place where a message becomes final.
import { internal } from "../_generated/api";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { closeAsks } from "./asks/closing.ts";
import { nextRevision } from "./call_revisions.ts";
import { conflict } from "./errors.ts";
import { endWith, stopEvent } from "./generation_end.ts";
import { emit } from "./outbox.ts";
import { dropPreview } from "./previews.ts";
import { countRest } from "./usage.ts";
import { passOn } from "./steering.ts";
import { runningTasks } from "./tasks.ts";

export const HEAD_CHARS = 200_000; // at most 800 kB of UTF-8; a document holds 1 MiB
const MAX_CHUNKS = 40; // 8 million characters; what is cut there, and of the stream, says so
const CANCELLED_AT_ONCE = 5; // each reads its streamed text
const MAX_DELTAS = 16_000; // half of what a mutation may read: 26 minutes at ten a second
const CUT = "\n\n[The rest of this answer is left out: it is longer than one answer may be.]";
const MAX_OPEN_CALLS = 500;
const VACUUM_AFTER_MS = 5 * 60_000; // a viewer that was slow can still read the stream

export type Final = "completed" | "failed" | "cancelled";

export interface Ending {
  status: Final;
  text: string;
  error?: string;
  errorCode?: string;
  model?: string;
  usage?: Doc<"messages">["usage"];
  isHistoryCut?: boolean;
  endedEarly?: Doc<"messages">["endedEarly"];
}

export async function generationOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"generations"> | null> {
  return await ctx.db
    .query("generations")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .unique();
}

/** Identifies one answering of a message: a retry by the person has another one. */
export function generationId(generation: Doc<"generations">): string {
  return generation.round === 0 ? generation.messageId : `${generation.messageId}:${generation.round}`;
}

/** The number of the next delta, and the highest part that was streamed: -1 for none. */
export async function endOfStream(ctx: QueryCtx, generation: Doc<"generations">): Promise<{ nextSeq: number; lastPart: number }> {
  const last = await ctx.db
    .query("deltas")
    .withIndex("by_message", (q) => q.eq("messageId", generation.messageId))
    .order("desc")
    .first();
  if (last !== null) return { nextSeq: last.seq + 1, lastPart: last.part };
  return { nextSeq: generation.nextSeq ?? 0, lastPart: -1 };
}

/** What readers of the stream see now: deltas in order, less what was reset. */
export async function streamedText(ctx: QueryCtx, messageId: Id<"messages">): Promise<string> {
  const parts = new Map<number, string[]>();
  const deltas = await ctx.db
    .query("deltas")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .take(MAX_DELTAS);
  for (const { kind, part, text } of deltas) {
    if (kind === "reset") {
      for (const known of [...parts.keys()]) if (known >= part) parts.delete(known);
    } else if (kind === "text") {
      const pieces = parts.get(part);
      if (pieces === undefined) parts.set(part, [text]);
      else pieces.push(text);
    }
  }
  const order = [...parts.keys()].sort((a, b) => a - b);
  const text = order.map((part) => (parts.get(part) ?? []).join("")).join("");
  return deltas.length === MAX_DELTAS ? text + CUT : text;
}

/** The whole text of a message, of which the row holds the head. */
export async function wholeText(ctx: QueryCtx, message: Doc<"messages">): Promise<string> {
  if (!message.chunks) return message.content;
  const rest = await ctx.db
    .query("messageTexts")
    .withIndex("by_message", (q) => q.eq("messageId", message._id))
    .take(MAX_CHUNKS);
  return message.content + rest.map((row) => row.text).join("");
}

/** Stores the text of a new message or of an ending: the head for the row, the rest beside it. */
export async function putText(ctx: MutationCtx, messageId: Id<"messages">, text: string): Promise<{ content: string; chunks?: number }> {
  const pieces = split(text);
  const rest = pieces.slice(1, MAX_CHUNKS + 1);
  if (pieces.length > MAX_CHUNKS + 1) rest[MAX_CHUNKS - 1] += CUT;
  for (const [index, piece] of rest.entries()) {
    await ctx.db.insert("messageTexts", { messageId, index, text: piece });
  }
  const chunks = Math.min(pieces.length - 1, MAX_CHUNKS);
  return { content: pieces[0] ?? "", chunks: chunks || undefined };
}

/**
 * Makes a processing message final: text, status, open tool calls, generation and conversation in one write.
 * The only way out of "processing"; there is none out of the other three but `retry`.
 */
export async function finish(ctx: MutationCtx, message: Doc<"messages">, generation: Doc<"generations">, ending: Ending): Promise<void> {
  if (message.status !== "processing" || generation.status !== "processing") {
    throw conflict("message_is_final", `The message is already ${message.status ?? "sent"}`);
  }
  const { status, text, error, errorCode } = ending;
  const now = Date.now();
  await ctx.db.patch(message._id, {
    ...(await putText(ctx, message._id, text)),
    status,
    error,
    errorCode,
    model: ending.model ?? generation.model,
    usage: ending.usage ?? generation.usage,
    waitingUntil: undefined,
    isHistoryCut: ending.isHistoryCut,
    endedEarly: ending.endedEarly,
    runId: generation.runId,
    endedAt: now,
  });
  const { nextSeq } = await endOfStream(ctx, generation);
  await ctx.db.patch(generation._id, { status, heartbeatAt: now, nextSeq, preview: undefined });
  await dropPreview(ctx, message._id);
  await countRest(ctx, generation, ending.model ?? generation.model, ending.usage);
  await endWith(ctx, generation, { status, error, errorCode });
  await ctx.db.patch(message.conversationId, { updatedAt: now });
  await closeTasks(ctx, message._id, { status, error, errorCode });
  await closeToolCalls(ctx, message._id, { status, endedAt: now });
  await closeAsks(ctx, message._id, now);
  await passOn(ctx, message);
  await ctx.scheduler.runAfter(VACUUM_AFTER_MS, internal.system.sweep.vacuumDeltas, {
    messageId: message._id,
    round: generation.round,
  });
}

/** Cancels a processing message: it keeps what was streamed, and its run is told to stop. */
export async function cancel(ctx: MutationCtx, generation: Doc<"generations">, ownerId: string): Promise<Doc<"outbox">> {
  const message = await ctx.db.get(generation.messageId);
  if (message === null) throw new Error("a generation without its message");
  const text = await streamedText(ctx, message._id);
  await finish(ctx, message, generation, { status: "cancelled", text });
  if (generation.projectGenerationId !== undefined && generation.round === 0) {
    return await emit(ctx, stopEvent(generation.projectGenerationId, ownerId)); // its run writes more than this answer
  }
  return await emit(ctx, {
    eventId: `${generation.messageId}:cancelled:${generation.round}`,
    name: "message/cancelled",
    data: { messageId: generation.messageId },
    userId: ownerId,
  });
}

/** Cancels running answers, up to a bound; `hasMore` says whether to call again. */
export async function cancelSome(
  ctx: MutationCtx,
  running: { take: (most: number) => Promise<Doc<"generations">[]> },
  ownerId: string,
): Promise<{ messageIds: Id<"messages">[]; events: Doc<"outbox">[]; hasMore: boolean }> {
  const generations = await running.take(CANCELLED_AT_ONCE);
  const events: Doc<"outbox">[] = [];
  for (const generation of generations) {
    const isOpen = (await ctx.db.get(generation._id))?.status === "processing"; // or it has ended with the answer before
    if (isOpen) events.push(await cancel(ctx, generation, ownerId));
  }
  const messageIds = generations.map((generation) => generation.messageId);
  return { messageIds, events, hasMore: generations.length === CANCELLED_AT_ONCE };
}

/** What sub-agents of an answer still write ends with it; the engine stops their runs with that of the answer. */
async function closeTasks(ctx: MutationCtx, messageId: Id<"messages">, why: Pick<Ending, "status" | "error" | "errorCode">): Promise<void> {
  for (const generation of await runningTasks(ctx, messageId)) {
    const message = await ctx.db.get(generation.messageId);
    if (message === null) continue;
    const status = why.status === "completed" ? "cancelled" : why.status;
    await finish(ctx, message, generation, { ...why, status, text: await streamedText(ctx, message._id) });
  }
}

async function closeToolCalls(
  ctx: MutationCtx,
  messageId: Id<"messages">,
  { status, endedAt }: { status: Final; endedAt: number },
): Promise<void> {
  const why = status === "cancelled" ? "was stopped" : "broke off";
  const outputs = {
    pending: `[Not run: the answer ${why} before it was the turn of this call.]`,
    running: `[Interrupted: the answer ${why} while this call ran. It may have had its effect or not.]`,
  };
  const revision = await nextRevision(ctx, messageId);
  for (const open of ["pending", "running"] as const) {
    const calls = await ctx.db
      .query("toolCalls")
      .withIndex("by_status", (q) => q.eq("messageId", messageId).eq("status", open))
      .take(MAX_OPEN_CALLS);
    for (const call of calls) {
      await ctx.db.patch(call._id, { status: "cancelled", output: outputs[open], endedAt, revision });
    }
  }
}

/** Pieces of at most HEAD_CHARS that do not cut a surrogate pair. */
function split(text: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + HEAD_CHARS, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces.length > 0 ? pieces : [""];
}
