// A person's account goes with all that is theirs: first their projects, as whenever one is deleted, then what is kept of
// them beside projects. While it goes, nothing of theirs begins; afterwards they are somebody who was never here.
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { find } from "./access.ts";
import { deletionOf } from "./account_guard.ts";
import { emit, NEVER_DUE } from "./outbox.ts";
import { removeProject } from "./projects.ts";
import { end } from "./transfers.ts";

const PROJECTS = 5; // hidden in a mutation: each cancels what is written in it
const ROWS = 500;
const AGAIN_MS = 60_000; // after that an event that may have failed for good is sent anew

/** Tables whose rows are a person's by `ownerId`, beside those whose rows go with a project. */
export const OWN_TABLES = ["usageDays", "dayBudgets", "users", "githubAccounts", "storageUse"] as const;

/** Begins the deletion, with the event that has it done. The event names nobody: what is kept of it tells nothing. */
export async function requestDeletion(ctx: MutationCtx, ownerId: string) {
  const known = await deletionOf(ctx, ownerId);
  const now = Date.now();
  if (known !== null && now - known.requestedAt < AGAIN_MS) return { deletion: known, events: [] };
  if (known !== null) await ctx.db.patch(known._id, { requestedAt: now });
  const _id = known?._id ?? (await ctx.db.insert("accountDeletions", { ownerId, requestedAt: now }));
  const deletion = await ctx.db.get(_id);
  if (deletion === null) throw new Error("a row written just now is gone");
  const event = { eventId: `account-deletion-${_id}-${now}`, name: "account/deletion.requested" as const, data: { deletionId: _id } };
  return { deletion, events: [await emit(ctx, { ...event, userId: "" })] };
}

/** The deletion, unless it is done. */
export async function deletionBy(ctx: QueryCtx, deletionId: string): Promise<Doc<"accountDeletions"> | null> {
  return await find(ctx, "accountDeletions", deletionId);
}

/** Hides some of the projects and stops what runs in them; true when there may be more. */
export async function removeProjects(ctx: MutationCtx, ownerId: string): Promise<boolean> {
  const projects = await ctx.db
    .query("projects")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId).eq("deletedAt", undefined))
    .take(PROJECTS);
  for (const project of projects) {
    const running = await ctx.db
      .query("transfers")
      .withIndex("by_project_kind_status", (q) => q.eq("projectId", project._id))
      .filter((q) => q.eq(q.field("status"), "running"))
      .take(10); // one of a kind
    for (const row of running) await end(ctx, row, "cancelled", { error: "Cancelled", errorCode: "cancelled" });
    await removeProject(ctx, ownerId, project._id, 0);
  }
  return projects.length === PROJECTS;
}

/** Whether the projects are empty and gone, and what was on its way to the engine has arrived. */
export async function areProjectsGone(ctx: QueryCtx, ownerId: string): Promise<boolean> {
  const project = await ctx.db
    .query("projects")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
    .first();
  const event = await ctx.db
    .query("outbox")
    .withIndex("by_user", (q) => q.eq("userId", ownerId).lt("dueAt", NEVER_DUE))
    .first();
  return project === null && event === null;
}

/** Deletes up to a batch of what is kept beside projects; true when there may be more. */
export async function removeOwnRows(ctx: MutationCtx, ownerId: string): Promise<boolean> {
  let left = ROWS;
  for (const table of OWN_TABLES) {
    const rows = await ctx.db
      .query(table)
      .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
      .take(left);
    for (const row of rows) await ctx.db.delete(row._id);
    left -= rows.length;
    if (left === 0) return true;
  }
  const events = await ctx.db
    .query("outbox")
    .withIndex("by_user", (q) => q.eq("userId", ownerId))
    .take(left);
  for (const row of events) await ctx.db.delete(row._id);
  return events.length === left;
}
