// What a person may have by their plan: how many projects. Without billing everybody has the plan "free", and as many
// projects as POLARIS_PROJECT_LIMIT says; not set, any number.
import type { UserIdentity } from "convex/server";
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import schema from "../schema.ts";
import { deletionOf, requireAccount } from "./account_guard.ts";
import { refused } from "./errors.ts";
import { MOST_ROWS } from "./lists.ts";
import { only } from "./rows.ts";

const UNLIMITED = -1;
const DAY_MS = 24 * 3_600_000;

export const plan = schema.doc("users").pick("tier", "status", "projectLimit", "trialEndsAt", "customerId");
type Plan = Infer<typeof plan>;

/** What user interfaces know of a plan; a limit of -1 is none. */
export const subscriptionDoc = v.object({
  email: v.string(),
  subscriptionTier: plan.fields.tier,
  subscriptionStatus: plan.fields.status,
  projectLimit: v.number(),
  trialEndsAt: plan.fields.trialEndsAt,
  trialDaysRemaining: v.number(),
  isInTrial: v.boolean(),
  isPro: v.boolean(),
  isFree: v.boolean(),
  canCreateProject: v.boolean(),
});

export const billingDoc = v.object({
  tier: plan.fields.tier,
  status: plan.fields.status,
  projectCount: v.number(), // up to 8,000
  projectLimit: v.number(),
  remainingProjects: v.union(v.number(), v.literal("unlimited")),
  trialEndsAt: plan.fields.trialEndsAt,
  trialDaysRemaining: v.number(),
  isInTrial: v.boolean(),
  isPro: v.boolean(),
  autumnCustomerId: plan.fields.customerId,
});

export async function userOf(ctx: QueryCtx, ownerId: string): Promise<Doc<"users"> | null> {
  return await ctx.db
    .query("users")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
    .unique();
}

/** The row of a person who is signed in, with the address that their token says. */
export async function keepUser(ctx: MutationCtx, { subject, email }: UserIdentity): Promise<Doc<"users">> {
  await requireAccount(ctx, subject);
  const known = await userOf(ctx, subject);
  if (known === null) return await insert(ctx, subject, { email });
  if (email === undefined || email === known.email) return known;
  await ctx.db.patch(known._id, { email, updatedAt: Date.now() });
  return { ...known, email };
}

/** Keeps what the operator's billing says of a person; the same again changes nothing. */
export async function keepPlan(ctx: MutationCtx, ownerId: string, said: Plan): Promise<void> {
  if ((await deletionOf(ctx, ownerId)) !== null) return;
  const known = await userOf(ctx, ownerId);
  if (known === null) await insert(ctx, ownerId, said);
  else if (JSON.stringify(only(plan, known)) !== JSON.stringify(only(plan, said)))
    await ctx.db.patch(known._id, { ...only(plan, said), updatedAt: Date.now() });
}

/** How many projects a person may have; -1: any number. */
export function limitOf(user: Doc<"users"> | null): number {
  if (user?.projectLimit !== undefined) return user.projectLimit;
  const limit = Number.parseInt(process.env.POLARIS_PROJECT_LIMIT ?? "", 10);
  return limit >= 0 ? limit : UNLIMITED;
}

/** How many projects a person has, up to 8,000. */
export async function projectCount(ctx: QueryCtx, ownerId: string): Promise<number> {
  return await counted(ctx, ownerId, MOST_ROWS);
}

/** Refuses one project more than a person may have. */
export async function requireRoom(ctx: MutationCtx, ownerId: string): Promise<void> {
  const limit = limitOf(await userOf(ctx, ownerId));
  if (limit === UNLIMITED) return;
  const count = await counted(ctx, ownerId, limit);
  if (count < limit) return;
  const text = `Project limit reached. You have ${count} free projects. Please upgrade to Pro for unlimited projects.`;
  throw refused("project_limit", text, { currentUsage: String(count), limit: String(limit) });
}

export async function toSubscription(ctx: QueryCtx, ownerId: string): Promise<Infer<typeof subscriptionDoc>> {
  const user = await userOf(ctx, ownerId);
  const limit = limitOf(user);
  const { tier, status, ...shared } = statusOf(user);
  return {
    ...shared,
    email: user?.email ?? "",
    subscriptionTier: tier,
    subscriptionStatus: status,
    projectLimit: limit,
    isFree: !shared.isPro,
    canCreateProject: limit === UNLIMITED || (await counted(ctx, ownerId, limit)) < limit,
  };
}

export async function toBilling(ctx: QueryCtx, ownerId: string): Promise<Infer<typeof billingDoc>> {
  const user = await userOf(ctx, ownerId);
  const limit = limitOf(user);
  const count = await projectCount(ctx, ownerId);
  return {
    ...statusOf(user),
    projectCount: count,
    projectLimit: limit,
    remainingProjects: limit === UNLIMITED ? "unlimited" : Math.max(0, limit - count),
    autumnCustomerId: user?.customerId,
  };
}

function statusOf(user: Doc<"users"> | null) {
  const { tier = "free", status = "free", trialEndsAt } = user ?? {};
  const left = Math.max(0, (trialEndsAt ?? 0) - Date.now());
  const isInTrial = status === "trialing" && left > 0;
  return {
    tier,
    status,
    trialEndsAt,
    isInTrial,
    trialDaysRemaining: isInTrial ? Math.ceil(left / DAY_MS) : 0,
    isPro: tier !== "free" && (status === "active" || isInTrial),
  };
}

async function counted(ctx: QueryCtx, ownerId: string, most: number): Promise<number> {
  const rows = await ctx.db
    .query("projects")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId).eq("deletedAt", undefined))
    .take(Math.min(most, MOST_ROWS));
  return rows.length;
}

async function insert(ctx: MutationCtx, ownerId: string, known: Partial<Plan> & { email?: string | undefined }): Promise<Doc<"users">> {
  const id = await ctx.db.insert("users", { ownerId, tier: "free", status: "free", updatedAt: Date.now(), ...known });
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}
