// Conversations: made and renamed.
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { refused } from "./errors.ts";

const MAX_TITLE = 300;

/** Starts a conversation; the same `externalId` in the project finds the one made before. */
export async function createConversation(
  ctx: MutationCtx,
  project: Doc<"projects">,
  title: string,
  externalId?: string,
): Promise<Doc<"conversations">> {
  checkTitle(title);
  if (externalId !== undefined) {
    const known = await ctx.db
      .query("conversations")
      .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
      .first();
    if (known !== null) return known;
  }
  const id = await ctx.db.insert("conversations", {
    projectId: project._id,
    title,
    externalId,
    updatedAt: Date.now(),
  });
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

export async function renameConversation(
  ctx: MutationCtx,
  conversation: Doc<"conversations">,
  title: string,
): Promise<Doc<"conversations">> {
  checkTitle(title);
  const updatedAt = Date.now();
  await ctx.db.patch(conversation._id, { title, updatedAt });
  return { ...conversation, title, updatedAt };
}

function checkTitle(title: string): void {
  if (title.trim() === "") throw refused("bad_title", "Conversation title is required");
  if (title.length > MAX_TITLE) {
    throw refused("bad_title", `A title must not be longer than ${MAX_TITLE} characters`);
  }
}
