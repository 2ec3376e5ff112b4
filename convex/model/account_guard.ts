// Whether a person's account is being deleted: then nothing of theirs begins.
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { conflict } from "./errors.ts";

export async function deletionOf(ctx: QueryCtx, ownerId: string): Promise<Doc<"accountDeletions"> | null> {
  return await ctx.db
    .query("accountDeletions")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
    .unique();
}

/** Refuses what would begin something of a person whose account is being deleted. */
export async function requireAccount(ctx: QueryCtx, ownerId: string): Promise<void> {
  if ((await deletionOf(ctx, ownerId)) === null) return;
  throw conflict("account_being_deleted", "This account is being deleted; once that is done you begin anew. Try again in a minute");
}
