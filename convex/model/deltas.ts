// The stream of an answer as a viewer reads it, and as a job writes it.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { find } from "./access.ts";
import { endOfStream, generationOf } from "./messages.ts";
import { showDelta } from "./previews.ts";
import { deltaKind, messageStatus } from "./validators.ts";

const PAGE = 1_000;
const RESETS = new Set(["reset", "outputReset"]);
const HEARTBEAT_MS = 5_000; // a write of the row, so not with each delta

export const deltaPage = v.object({
  runs: v.array(v.object({ part: v.number(), kind: deltaKind, text: v.string(), toolCallId: v.optional(v.string()) })),
  next: v.number(), // the cursor to ask from next time
  hasMore: v.boolean(),
  status: v.optional(messageStatus), // final: read the message instead
});

/** Text from cursor `from` on, up to `before`, adjacent pieces of one part, kind and tool call merged. */
export async function deltasFrom(
  ctx: QueryCtx,
  message: Doc<"messages">,
  from: number,
  before = Infinity,
): Promise<Infer<typeof deltaPage>> {
  const rows = await ctx.db
    .query("deltas")
    .withIndex("by_message", (q) => q.eq("messageId", message._id).gte("seq", from).lt("seq", before))
    .take(PAGE);
  const runs: Infer<typeof deltaPage>["runs"] = [];
  for (const { part, kind, text, toolCallId } of rows) {
    const last = runs.at(-1);
    const goesOn = last?.part === part && last.kind === kind && last.toolCallId === toolCallId;
    if (last !== undefined && goesOn && !RESETS.has(kind)) last.text += text;
    else runs.push({ part, kind, text, toolCallId });
  }
  const last = rows.at(-1);
  const next = last === undefined ? from : last.seq + 1;
  return { runs, next, hasMore: rows.length === PAGE, status: message.status };
}

/** One delta as it travels: short names, because they travel with every few words of an answer. */
export const deltaEntry = v.object({
  m: v.string(), // message
  e: v.number(), // epoch
  s: v.number(), // seq
  p: v.number(), // part
  k: v.optional(deltaKind), // kind; absent for text
  c: v.optional(v.string()), // tool call; of output only
  t: v.string(), // text
});

/** `closed`: final, gone, or another attempt's; `gap`: something before it is missing. Neither can pass. */
export const deltaAnswer = v.union(v.literal("ok"), v.literal("closed"), v.literal("gap"));

/** Adds one delta; the same again is accepted and changes nothing. */
export async function addDelta(ctx: MutationCtx, entry: Infer<typeof deltaEntry>): Promise<Infer<typeof deltaAnswer>> {
  const message = await find(ctx, "messages", entry.m);
  const generation = message && (await generationOf(ctx, message._id));
  if (!generation || generation.status !== "processing") return "closed";
  if (generation.epoch !== entry.e) return "closed";
  const { nextSeq } = await endOfStream(ctx, generation);
  if (entry.s < nextSeq) return "ok";
  if (entry.s > nextSeq) return "gap";
  await ctx.db.insert("deltas", {
    messageId: generation.messageId,
    seq: entry.s,
    part: entry.p,
    kind: entry.k ?? "text",
    toolCallId: entry.c,
    text: entry.t,
  });
  await beat(ctx, generation);
  await showDelta(ctx, generation, entry.k ?? "text");
  return "ok";
}

/** Tells viewers of an answer that begins anew to forget what they have. */
export async function resetStream(ctx: MutationCtx, generation: Doc<"generations">): Promise<void> {
  const { messageId } = generation;
  const { nextSeq } = await endOfStream(ctx, generation);
  if (nextSeq === 0) return;
  await ctx.db.insert("deltas", { messageId, seq: nextSeq, part: 0, kind: "reset", text: "" });
}

/** Notes that the run is alive, at most every 5 s. */
export async function beat(ctx: MutationCtx, generation: Doc<"generations">): Promise<void> {
  const now = Date.now();
  if (now - generation.heartbeatAt < HEARTBEAT_MS) return;
  await ctx.db.patch(generation._id, { heartbeatAt: now });
}
