// Turns and tool calls of an answer: recorded by its run, read by the agent and by people.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { find } from "./access.ts";
import { conflict, generationClosed, notFound, refused } from "./errors.ts";
import { beat } from "./deltas.ts";
import { bytesOf } from "./rows.ts";
import { MAX_CALLS, nextRevision } from "./call_revisions.ts";
import { generationOf } from "./messages.ts";
import type { newToolCall, turnRecord } from "./records.ts";
import { freeBlob } from "./checkpoints/kept.ts";
import { countUsage } from "./usage.ts";
import { type diffStat, type keptPart, type resultPart, turnPart } from "./validators.ts";

type Part = Infer<typeof keptPart>;

const MAX_TURNS = 500;
const MAX_ASKS = 500;
const MAX_OUTPUT_CHARS = 200_000;
// What an answer keeps. A function reads at most 16 MiB, and the context of the next answer is several of these.
const RESULT_BYTES = 2 << 20; // results are cut from here on
export const ANSWER_BYTES = 3 << 20; // a turn that would go past this ends the answer
const IMAGE_BYTES = 32 << 20; // of images and whole outputs that are blobs, each of which is larger than a row could hold
const MAX_IMAGES = 500; // more than that can be
const PART_BYTES = 6 << 20; // parts of results are kept up to here: diffs of later calls are not shown

/** The rows of a message that `epoch` may write. Throws when it is final or a later attempt's. */
export async function held(
  ctx: QueryCtx,
  messageId: string,
  epoch: number,
): Promise<{ message: Doc<"messages">; generation: Doc<"generations"> }> {
  const message = await find(ctx, "messages", messageId);
  const generation = message && (await generationOf(ctx, message._id));
  if (!message || !generation) throw generationClosed("The message is gone");
  if (generation.status !== "processing") {
    throw generationClosed(`The message is already ${generation.status}`);
  }
  if (generation.epoch !== epoch) throw generationClosed("A later attempt writes this message");
  return { message, generation };
}

export async function turnsOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"turns">[]> {
  return await ctx.db
    .query("turns")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .take(MAX_TURNS);
}

export const shownPart = turnPart.omit("signature").extend({ turn: v.number(), index: v.number() });

/** The finished parts of an answer in order: what was said, thought and called. Signatures stay here. */
export async function shownPartsOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Infer<typeof shownPart>[]> {
  const turns = await turnsOf(ctx, messageId);
  return turns.flatMap(({ turn, parts }) => parts.map(({ type, text, toolCallId }, index) => ({ type, text, toolCallId, turn, index })));
}

/** Tool calls in the order in which the model made them. */
export async function toolCallsOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"toolCalls">[]> {
  return await ctx.db
    .query("toolCalls")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .take(MAX_CALLS);
}

/** What a call came to beside its text; nothing where nothing was kept. */
export async function partsOf(
  ctx: QueryCtx,
  { messageId, turn, toolCallId }: { messageId: Id<"messages">; turn: number; toolCallId: string },
): Promise<Infer<typeof resultPart>[]> {
  const found: Infer<typeof resultPart>[] = [];
  for (const part of await keptPartsOf(ctx, { messageId, turn, toolCallId })) {
    if (!("storageId" in part)) found.push(part);
    else {
      const { storageId, ...shown } = part;
      const url = await ctx.storage.getUrl(storageId);
      if (url !== null) found.push({ ...shown, url });
    }
  }
  return found;
}

export async function keptPartsOf(
  ctx: QueryCtx,
  { messageId, turn, toolCallId }: { messageId: Id<"messages">; turn: number; toolCallId: string },
): Promise<Part[]> {
  const row = await ctx.db
    .query("resultParts")
    .withIndex("by_call", (q) => q.eq("messageId", messageId).eq("turn", turn).eq("toolCallId", toolCallId))
    .unique();
  return row?.parts ?? [];
}

/** Keeps a turn with its calls; false when the number is taken: the first one stays. */
export async function recordTurn(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  turn: Infer<typeof turnRecord>,
  toolCalls: Infer<typeof newToolCall>[],
): Promise<boolean> {
  const { messageId } = generation;
  const known = await ctx.db
    .query("turns")
    .withIndex("by_message", (q) => q.eq("messageId", messageId).eq("turn", turn.turn))
    .unique();
  if (known !== null) return false;
  const keptBytes = (generation.keptBytes ?? 0) + bytesOf(JSON.stringify([turn, toolCalls]));
  const keptCalls = (generation.keptCalls ?? 0) + toolCalls.length;
  if (keptBytes > ANSWER_BYTES || keptCalls > MAX_CALLS) {
    throw refused("answer_too_long", "The answer holds more than one answer may");
  }
  await ctx.db.patch(generation._id, {
    keptBytes,
    keptCalls,
    usage: addUsage(generation.usage, turn.usage),
    model: turn.model,
  });
  await countUsage(ctx, generation, turn.model, turn.usage);
  await ctx.db.insert("turns", { messageId, ...turn });
  const revision = await nextRevision(ctx, messageId);
  for (const [index, { notRun, ...call }] of toolCalls.entries()) {
    const row = { messageId, turn: turn.turn, index, revision, ...call };
    if (notRun === undefined) await ctx.db.insert("toolCalls", { ...row, status: "pending" });
    else await ctx.db.insert("toolCalls", { ...row, status: "skipped", output: notRun, endedAt: Date.now() });
  }
  await beat(ctx, generation);
  return true;
}

export async function startToolCall(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  call: { turn: number; toolCallId: string },
): Promise<void> {
  const row = await toolCallRow(ctx, generation.messageId, call);
  if (row.status === "pending") {
    const revision = await nextRevision(ctx, row.messageId);
    await ctx.db.patch(row._id, { status: "running", startedAt: Date.now(), revision });
  }
  await beat(ctx, generation);
}

/** Keeps a result unless there is one; the one on record, and whether it was there before. */
export async function finishToolCall(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  call: { turn: number; toolCallId: string; output: string; isError: boolean; parts: Part[] },
): Promise<{ output: string; isError: boolean; wasKeptBefore: boolean }> {
  const row = await toolCallRow(ctx, generation.messageId, call);
  await beat(ctx, generation);
  if (row.status !== "pending" && row.status !== "running") {
    for (const storageId of blobsOf(call.parts)) await freeBlob(ctx, storageId);
    return { output: row.output ?? "", isError: row.status !== "completed", wasKeptBefore: true };
  }
  const keptBytes = generation.keptBytes ?? 0;
  const output = cut(call.output, Math.max(0, RESULT_BYTES - keptBytes));
  await ctx.db.patch(generation._id, { keptBytes: keptBytes + bytesOf(output) });
  const parts = await keepParts(ctx, generation, call);
  const images = parts.filter((part) => part.type === "image").length;
  await ctx.db.patch(row._id, {
    status: call.isError ? "failed" : "completed",
    output,
    ...(images > 0 && { images }),
    changed: statOf(call.parts),
    revision: await nextRevision(ctx, row.messageId),
    startedAt: row.startedAt ?? Date.now(),
    endedAt: Date.now(),
  });
  return { output, isError: call.isError, wasKeptBefore: false };
}

function statOf(parts: Part[]): Infer<typeof diffStat> | undefined {
  const diffs = parts.filter((part) => part.type === "diff");
  if (diffs.length === 0) return undefined;
  const more = parts.reduce((sum, part) => sum + (part.type === "moreFiles" ? part.count : 0), 0);
  const sum = (side: "added" | "removed"): number => diffs.reduce((lines, diff) => lines + diff[side], 0);
  return { files: diffs.length + more, added: sum("added"), removed: sum("removed") };
}

/** Keeps the parts that there is room for; the blobs of the others go, of an output only that. */
async function keepParts(
  ctx: MutationCtx,
  { _id, messageId, partBytes = 0, imageBytes = 0 }: Doc<"generations">,
  { turn, toolCallId, parts }: { turn: number; toolCallId: string; parts: Part[] },
): Promise<Part[]> {
  if (parts.length === 0) return [];
  const bytes = partBytes + bytesOf(JSON.stringify(parts));
  const blobs = imageBytes + parts.reduce((sum, part) => sum + ("storageId" in part ? part.sizeBytes : 0), 0);
  const kept = bytes > PART_BYTES ? [] : blobs <= IMAGE_BYTES ? parts : parts.flatMap(withoutBlob);
  const held = blobsOf(kept);
  for (const part of kept) {
    if (!("storageId" in part)) continue;
    const handle = part.type === "fullText" ? part.handle : undefined;
    await ctx.db.insert("resultImages", { messageId, storageId: part.storageId, handle });
  }
  if (held.length === 0) for (const storageId of blobsOf(parts)) await freeBlob(ctx, storageId);
  if (kept.length > 0) await ctx.db.insert("resultParts", { messageId, turn, toolCallId, parts: kept });
  await ctx.db.patch(_id, { partBytes: bytes, imageBytes: held.length > 0 ? blobs : imageBytes });
  return kept;
}

function withoutBlob(part: Part): Part[] {
  if (!("storageId" in part)) return [part];
  return part.type === "fullText" ? [{ type: part.type, handle: part.handle, sizeBytes: part.sizeBytes }] : [];
}

/** Where the whole of an output is, if a call of the message's conversation kept it under the handle. */
export async function fullTextUrl(ctx: QueryCtx, message: Doc<"messages">, handle: string): Promise<string | null> {
  const rows = ctx.db.query("resultImages").withIndex("by_handle", (q) => q.eq("handle", handle));
  for await (const row of rows) {
    const its = await ctx.db.get(row.messageId); // one in each conversation that was copied from another
    if (its?.conversationId === message.conversationId) return await ctx.storage.getUrl(row.storageId);
  }
  return null;
}

function blobsOf(parts: Part[]): Id<"_storage">[] {
  return parts.flatMap((part) => ("storageId" in part ? [part.storageId] : []));
}

/** Deletes up to `most` images of results of a message, with their blobs; how many there were. */
export async function dropImages(ctx: MutationCtx, messageId: Id<"messages">, most: number): Promise<number> {
  const rows = await ctx.db
    .query("resultImages")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .take(most);
  for (const row of rows) {
    await ctx.db.delete(row._id);
    await freeBlob(ctx, row.storageId);
  }
  return rows.length;
}

/** Forgets the turns, tool calls and long text of an earlier answer, before a retry. */
export async function dropTranscript(ctx: MutationCtx, messageId: Id<"messages">): Promise<void> {
  const rows = [
    ...(await turnsOf(ctx, messageId)),
    ...(await toolCallsOf(ctx, messageId)),
    ...(await ctx.db
      .query("resultParts")
      .withIndex("by_call", (q) => q.eq("messageId", messageId))
      .take(MAX_CALLS)),
    ...(await ctx.db
      .query("condensations")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(MAX_TURNS)),
    ...(await ctx.db
      .query("asks")
      .withIndex("by_call", (q) => q.eq("messageId", messageId))
      .take(MAX_ASKS)),
    ...(await ctx.db
      .query("messageTexts")
      .withIndex("by_message", (q) => q.eq("messageId", messageId))
      .take(100)),
  ];
  if (rows.length >= MAX_TURNS + 2 * MAX_CALLS) throw conflict("too_long", "The answer is too long to be retried");
  await dropImages(ctx, messageId, MAX_IMAGES);
  for (const row of rows) await ctx.db.delete(row._id);
}

export async function toolCallOf(
  ctx: QueryCtx,
  messageId: Id<"messages">,
  { turn, toolCallId }: { turn: number; toolCallId: string },
): Promise<Doc<"toolCalls"> | null> {
  return await ctx.db
    .query("toolCalls")
    .withIndex("by_call", (q) => q.eq("messageId", messageId).eq("turn", turn).eq("toolCallId", toolCallId))
    .first();
}

export async function toolCallRow(...call: Parameters<typeof toolCallOf>): Promise<Doc<"toolCalls">> {
  const row = await toolCallOf(...call);
  if (row === null) throw notFound("Tool call not found");
  return row;
}

function cut(output: string, leftBytes: number): string {
  const bytes = new TextEncoder().encode(output);
  if (bytes.length > leftBytes) {
    const head = new TextDecoder().decode(bytes.subarray(0, Math.min(leftBytes, MAX_OUTPUT_CHARS)));
    return `${head}\n[cut: the results of this answer are more than it may keep; end it, and go on in the next one]`;
  }
  if (output.length <= MAX_OUTPUT_CHARS) return output;
  return `${output.slice(0, MAX_OUTPUT_CHARS)}\n[cut: the output was ${output.length} characters long]`;
}

type Usage = Infer<typeof turnRecord>["usage"];

/** Tokens and known costs of both. */
export function addUsage(before: Usage | undefined, more: Usage): Usage {
  if (before === undefined) return more;
  const costs = [before.costUsd, more.costUsd].filter((cost) => cost !== undefined);
  return {
    inputTokens: before.inputTokens + more.inputTokens,
    outputTokens: before.outputTokens + more.outputTokens,
    cacheReadTokens: before.cacheReadTokens + more.cacheReadTokens,
    cacheWriteTokens: before.cacheWriteTokens + more.cacheWriteTokens,
    costUsd: costs.length > 0 ? costs.reduce((all, cost) => all + cost) : undefined,
  };
}
