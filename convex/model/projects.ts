// Projects: made, changed, and deleted with everything in them.
import type { Infer } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { find } from "./access.ts";
import { requireAccount } from "./account_guard.ts";
import { notFound, refused } from "./errors.ts";
import { cancelGenerations } from "./generating.ts";
import { cancelSome } from "./messages.ts";
import { requireRoom } from "./plans.ts";
import { changeSettings } from "./settings.ts";
import type { previewSettings } from "./validators.ts";

const MAX_NAME = 200;
const UNDO_MS = 30_000; // for so long a deletion can be taken back

/** An owner's projects, last updated first. */
export function projectsOf(ctx: QueryCtx, ownerId: string) {
  return ctx.db
    .query("projects")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId).eq("deletedAt", undefined))
    .order("desc");
}

/** Makes a project, if the owner's plan has room; the same `externalId` of the same owner finds the one made before. */
export async function createProject(ctx: MutationCtx, ownerId: string, name: string, externalId?: string): Promise<Doc<"projects">> {
  checkProjectName(name);
  if (externalId !== undefined) {
    const known = await ctx.db
      .query("projects")
      .withIndex("by_external", (q) => q.eq("ownerId", ownerId).eq("externalId", externalId))
      .first();
    if (known !== null && known.deletedAt === undefined) return known;
  }
  await requireAccount(ctx, ownerId);
  await requireRoom(ctx, ownerId);
  const id = await ctx.db.insert("projects", {
    ownerId,
    name,
    externalId,
    updatedAt: Date.now(),
    filesVersion: 0,
    tombstoneFloor: 0,
  });
  return await reread(ctx, id);
}

export async function renameProject(ctx: MutationCtx, project: Doc<"projects">, name: string): Promise<Doc<"projects">> {
  checkProjectName(name);
  await ctx.db.patch(project._id, { name, updatedAt: Date.now() });
  return await reread(ctx, project._id);
}

/** Replaces the commands of the preview; the other settings stay. */
export async function configurePreview(
  ctx: MutationCtx,
  project: Doc<"projects">,
  { installCommand, devCommand }: Infer<typeof previewSettings>,
): Promise<Doc<"projects">> {
  return await changeSettings(ctx, project, { installCommand: installCommand ?? null, devCommand: devCommand ?? null });
}

/**
 * Hides the project at once, cancels what is being written in it and leaves the rest to system/purge, which begins to empty
 * it after `undoMs`. A project that is hidden already gives nothing. Returns the events that stop the runs.
 */
export async function removeProject(ctx: MutationCtx, ownerId: string, projectId: string, undoMs = UNDO_MS): Promise<Doc<"outbox">[]> {
  const project = await find(ctx, "projects", projectId);
  if (project === null || project.ownerId !== ownerId) throw notFound("Project not found");
  if (project.deletedAt !== undefined) return [];
  const { events } = await cancelIn(ctx, project);
  const deletedAt = Date.now();
  await ctx.db.patch(project._id, { deletedAt });
  const deletion = { projectId: project._id, deletedAt, dueAt: deletedAt + undoMs };
  await ctx.scheduler.runAfter(0, internal.system.purge.project, deletion);
  return events;
}

/** Takes back a deletion of which nothing is emptied yet, if the plan has room; a project that is not deleted stays as it is. */
export async function restoreProject(ctx: MutationCtx, ownerId: string, projectId: string): Promise<Doc<"projects">> {
  const project = await find(ctx, "projects", projectId);
  if (project === null || project.ownerId !== ownerId) throw notFound("Project not found");
  if (project.deletedAt === undefined) return project;
  if (Date.now() >= project.deletedAt + UNDO_MS) {
    throw notFound(`Project not found: it was deleted more than ${UNDO_MS / 1_000} seconds ago, for good`);
  }
  await requireAccount(ctx, ownerId);
  await requireRoom(ctx, ownerId);
  await ctx.db.patch(project._id, { deletedAt: undefined });
  return await reread(ctx, project._id);
}

/** Cancels what is being written and generated in a project, up to a bound; `hasMore` says whether to call again. */
export async function cancelIn(
  ctx: MutationCtx,
  project: Doc<"projects">,
): Promise<{ messageIds: Id<"messages">[]; events: Doc<"outbox">[]; hasMore: boolean }> {
  const running = ctx.db
    .query("generations")
    .withIndex("by_project_status", (q) => q.eq("projectId", project._id).eq("status", "processing"));
  const { messageIds, events, hasMore } = await cancelSome(ctx, running, project.ownerId);
  if (!hasMore) events.push(...(await cancelGenerations(ctx, project))); // those that write no answer at the moment
  return { messageIds, events, hasMore };
}

function checkProjectName(name: string): void {
  if (name.trim() === "") throw refused("bad_name", "Project name is required");
  if (name.length > MAX_NAME) {
    throw refused("bad_name", `A project name must not be longer than ${MAX_NAME} characters`);
  }
}

async function reread(ctx: QueryCtx, id: Id<"projects">): Promise<Doc<"projects">> {
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}
