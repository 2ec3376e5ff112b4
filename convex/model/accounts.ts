// The GitHub accounts that people have connected: one each, their tokens sealed.
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { requireAccount } from "./account_guard.ts";
import { refused } from "./errors.ts";

const MAX_CHARS = 20_000; // of two sealed tokens: fifty times what GitHub gives

export interface Account {
  login: string;
  sealed: string;
  expiresAt?: number | undefined;
}

export async function accountOf(ctx: QueryCtx, ownerId: string): Promise<Doc<"githubAccounts"> | null> {
  return await ctx.db
    .query("githubAccounts")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
    .unique();
}

/** The account, as long as it has these tokens: null once it was connected anew, renewed or disconnected. */
export async function accountWith(ctx: QueryCtx, ownerId: string, sealed: string): Promise<Doc<"githubAccounts"> | null> {
  const row = await accountOf(ctx, ownerId);
  return row?.sealed === sealed ? row : null;
}

/** Connects an account in place of the one before. */
export async function connectAccount(ctx: MutationCtx, ownerId: string, account: Account): Promise<void> {
  if (JSON.stringify(account).length > MAX_CHARS) throw refused("bad_github_account", "What GitHub gave for this account is too long");
  await requireAccount(ctx, ownerId);
  const row = await accountOf(ctx, ownerId);
  if (row === null) await ctx.db.insert("githubAccounts", { ownerId, ...account });
  else await ctx.db.replace(row._id, { ownerId, ...account });
}

/** Whether somebody else gets new tokens for the account at this moment. */
export function isLeased(row: Doc<"githubAccounts">, holder: string | undefined): boolean {
  return row.lease !== undefined && row.lease.holder !== holder && row.lease.until > Date.now();
}
