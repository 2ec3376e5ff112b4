// The text of an answer as it stands while it is written, for the front ends that read `conversations.getMessages` alone. A
// viewer of `messages.deltas` is told every tenth of a second; this row is written about once a second, and less often
// the longer it is: each write has the whole list of messages sent again.
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";

const EVERY_MS = 1_000;
const CHARS_A_SECOND = 4_000; // what a text has beyond these costs another second between two writes
const MOST_CHARS = 200_000; // as the head of a final message
const PAGE = 1_000; // deltas a write catches up with
const SHOWN = new Set(["text", "reset", "toolCall"]); // a call that begins ends the text before it

type Preview = Pick<Doc<"previews">, "text" | "parts">;

/** What is there of the answer to a viewer that takes no deltas. */
export async function previewOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<string> {
  return (await rowOf(ctx, messageId))?.text ?? "";
}

/** After a delta of that kind: brings the preview up to date where it is due. */
export async function showDelta(ctx: MutationCtx, generation: Doc<"generations">, kind: string): Promise<void> {
  if (!SHOWN.has(kind) || Date.now() < (generation.preview?.dueAt ?? 0)) return;
  await showAll(ctx, generation);
}

/** Brings the preview up to date: at the end of a turn, which its calls may follow for a long time. */
export async function showAll(ctx: MutationCtx, generation: Doc<"generations">): Promise<void> {
  const { messageId } = generation;
  const from = generation.preview?.nextSeq ?? generation.nextSeq ?? 0;
  const deltas = await ctx.db
    .query("deltas")
    .withIndex("by_message", (q) => q.eq("messageId", messageId).gte("seq", from))
    .take(PAGE);
  const row = await rowOf(ctx, messageId);
  const before: Preview = row ?? { text: "", parts: [] };
  const after = deltas.reduce(withDelta, before);
  if (after !== before) {
    if (row === null) await ctx.db.insert("previews", { messageId, ...after });
    else await ctx.db.patch(row._id, { text: after.text, parts: after.parts });
  }
  const dueAt = Date.now() + Math.max(EVERY_MS, (after.text.length / CHARS_A_SECOND) * 1_000);
  const nextSeq = (deltas.at(-1)?.seq ?? from - 1) + 1;
  await ctx.db.patch(generation._id, { preview: { dueAt, nextSeq } });
}

/** The answer is final: its message has the text. */
export async function dropPreview(ctx: MutationCtx, messageId: Id<"messages">): Promise<void> {
  const row = await rowOf(ctx, messageId);
  if (row !== null) await ctx.db.delete(row._id);
}

function withDelta(shown: Preview, { kind, part, text }: Doc<"deltas">): Preview {
  if (kind === "reset") {
    const at = shown.parts.find((known) => known.part >= part)?.at;
    if (at === undefined) return shown;
    return { text: shown.text.slice(0, at), parts: shown.parts.filter((known) => known.part < part) };
  }
  if (kind !== "text" || shown.text.length >= MOST_CHARS) return shown;
  const isNew = shown.parts.at(-1)?.part !== part;
  return {
    text: (shown.text + text).slice(0, MOST_CHARS),
    parts: isNew ? [...shown.parts, { part, at: shown.text.length }] : shown.parts,
  };
}

async function rowOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"previews"> | null> {
  return await ctx.db
    .query("previews")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .unique();
}
