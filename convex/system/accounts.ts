// Connected GitHub accounts, for the API and for jobs. Who changes one names the sealed tokens that it has read: what was
// changed meanwhile stays as it is.
import { v } from "convex/values";
import { accountOf, accountWith, connectAccount, isLeased } from "../model/accounts.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { only } from "../model/rows.ts";
import schema from "../schema.ts";

const record = schema.doc("githubAccounts").pick("login", "sealed", "expiresAt", "isRefused");

export const get = systemQuery({
  args: { ownerId: v.string() },
  returns: v.union(record, v.null()),
  handler: async (ctx, { ownerId }) => {
    const row = await accountOf(ctx, ownerId);
    return row === null ? null : only(record, row);
  },
});

export const connect = systemMutation({
  args: {
    ownerId: v.string(),
    login: v.string(),
    sealed: v.string(),
    expiresAt: v.optional(v.number()),
  },
  returns: v.null(),
  handler: async (ctx, { ownerId, ...account }) => {
    await connectAccount(ctx, ownerId, account);
    return null;
  },
});

/** Lets one caller at a time get new tokens: "busy" while another does, "changed" once there are others. */
export const lease = systemMutation({
  args: { ownerId: v.string(), sealed: v.string(), holder: v.string(), forMs: v.number() },
  returns: v.union(v.literal("taken"), v.literal("busy"), v.literal("changed")),
  handler: async (ctx, { ownerId, sealed, holder, forMs }) => {
    const row = await accountWith(ctx, ownerId, sealed);
    if (row === null) return "changed" as const;
    if (isLeased(row, holder)) return "busy" as const;
    await ctx.db.patch(row._id, { lease: { holder, until: Date.now() + forMs } });
    return "taken" as const;
  },
});

/** Puts other sealed tokens in the place of these, unless another caller holds the lease; whether it did. */
export const reseal = systemMutation({
  args: {
    ownerId: v.string(),
    sealed: v.string(),
    next: v.string(),
    expiresAt: v.optional(v.number()),
    holder: v.optional(v.string()),
  },
  returns: v.boolean(),
  handler: async (ctx, { ownerId, sealed, next, expiresAt, holder }) => {
    const row = await accountOf(ctx, ownerId);
    if (row?.sealed === next) return true; // asked twice
    if (row === null || row.sealed !== sealed || isLeased(row, holder)) return false;
    await ctx.db.patch(row._id, { sealed: next, expiresAt, lease: undefined });
    return true;
  },
});

/** Ends the lease without new tokens. */
export const release = systemMutation({
  args: { ownerId: v.string(), holder: v.string() },
  returns: v.null(),
  handler: async (ctx, { ownerId, holder }) => {
    const row = await accountOf(ctx, ownerId);
    if (row?.lease?.holder === holder) await ctx.db.patch(row._id, { lease: undefined });
    return null;
  },
});

/** Marks the account: GitHub takes these tokens no more. */
export const refuse = systemMutation({
  args: { ownerId: v.string(), sealed: v.string() },
  returns: v.null(),
  handler: async (ctx, { ownerId, sealed }) => {
    const row = await accountWith(ctx, ownerId, sealed);
    if (row !== null) await ctx.db.patch(row._id, { isRefused: true });
    return null;
  },
});

/** Removes what is kept of a person's account, if anything: when they disconnect it, and when they are deleted. */
export const disconnect = systemMutation({
  args: { ownerId: v.string() },
  returns: v.null(),
  handler: async (ctx, { ownerId }) => {
    const row = await accountOf(ctx, ownerId);
    if (row !== null) await ctx.db.delete(row._id);
    return null;
  },
});
