// Summaries that stand for the beginning of a conversation: the newest counts.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import schema from "../schema.ts";
import { beat } from "./deltas.ts";
import { only } from "./rows.ts";
import { addUsage } from "./transcript.ts";
import { countUsage } from "./usage.ts";

const MAX_TEXT_CHARS = 50_000;
const MAX_A_MESSAGE = 500; // one a turn

export const contextCondensed = schema.doc("condensations").omit("_id", "_creationTime", "conversationId");

/** A summary as it is written: the lease says of which answer it is. */
export const condensedRecord = contextCondensed.omit("messageId");

/** A summary as people see it. */
export const condensedDoc = contextCondensed.pick("turn", "text", "model");

/** The newest summary that can stand before the answer. */
export async function newestFor(ctx: QueryCtx, message: Doc<"messages">): Promise<Infer<typeof contextCondensed> | undefined> {
  const newest = ctx.db
    .query("condensations")
    .withIndex("by_conversation", (q) => q.eq("conversationId", message.conversationId))
    .order("desc");
  for await (const row of newest) {
    if (row.beforeOrder >= message.order) continue; // of answers after this one, which is written anew
    return only(contextCondensed, row);
  }
  return undefined;
}

/** Keeps a summary; the first one of a turn stays. */
export async function keepCondensed(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  condensed: Infer<typeof condensedRecord>,
): Promise<void> {
  const { messageId, conversationId } = generation;
  const known = await ctx.db
    .query("condensations")
    .withIndex("by_message", (q) => q.eq("messageId", messageId).eq("turn", condensed.turn))
    .unique();
  if (known !== null) return;
  const text = condensed.text.slice(0, MAX_TEXT_CHARS);
  await ctx.db.insert("condensations", { conversationId, messageId, ...condensed, text });
  await countUsage(ctx, generation, condensed.model, condensed.usage);
  await ctx.db.patch(generation._id, { usage: addUsage(generation.usage, condensed.usage) });
  await beat(ctx, generation);
}

export async function condensationsOf(ctx: QueryCtx, messageId: Id<"messages">): Promise<Doc<"condensations">[]> {
  return await ctx.db
    .query("condensations")
    .withIndex("by_message", (q) => q.eq("messageId", messageId))
    .take(MAX_A_MESSAGE);
}

export function toCondensedDoc(row: Doc<"condensations">): Infer<typeof condensedDoc> {
  return only(condensedDoc, row);
}
