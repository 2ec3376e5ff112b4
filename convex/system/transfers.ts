// Imports and exports of repositories. The project's own status fields change in the same write.
import { v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { find, ownedProject } from "../model/access.ts";
import { conflict, notFound } from "../model/errors.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { toTransfer, transferRecord } from "../model/records.ts";
import { transferEnd, transferKind } from "../model/validators.ts";

const owned = { ownerId: v.string(), projectId: v.string() };

export const start = systemMutation({
  args: { ...owned, kind: transferKind, externalId: v.string() },
  returns: transferRecord,
  handler: async (ctx, { ownerId, projectId, kind, externalId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const known = await ctx.db
      .query("transfers")
      .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
      .first();
    if (known !== null) return toTransfer(known);
    const running = await ctx.db
      .query("transfers")
      .withIndex("by_project_kind_status", (q) => q.eq("projectId", project._id).eq("kind", kind).eq("status", "running"))
      .first();
    if (running !== null) {
      throw conflict("transfer_in_progress", `An ${kind} of this project is already running`);
    }
    const now = Date.now();
    await ctx.db.patch(
      project._id,
      kind === "import"
        ? { importStatus: "importing", updatedAt: now }
        : { exportStatus: "exporting", exportRepoUrl: undefined, updatedAt: now },
    );
    const id = await ctx.db.insert("transfers", {
      projectId: project._id,
      externalId,
      kind,
      status: "running",
      done: 0,
      total: 0,
      heartbeatAt: now,
    });
    return toTransfer(await existing(ctx, id));
  },
});

export const progress = systemMutation({
  args: { transferId: v.string(), done: v.number(), total: v.number() },
  returns: v.boolean(),
  handler: async (ctx, { transferId, done, total }) => {
    const row = await existing(ctx, transferId);
    if (row.status !== "running") return false;
    await ctx.db.patch(row._id, { done, total, heartbeatAt: Date.now() });
    return true;
  },
});

export const finish = systemMutation({
  args: {
    transferId: v.string(),
    status: transferEnd,
    repoUrl: v.optional(v.string()),
    error: v.optional(v.string()),
  },
  returns: transferRecord,
  handler: async (ctx, { transferId, status, repoUrl, error }) => {
    const row = await existing(ctx, transferId);
    if (row.status !== "running") return toTransfer(row);
    const now = Date.now();
    const reason = error?.slice(0, 2_000);
    await ctx.db.patch(row._id, { status, repoUrl, error: reason, heartbeatAt: now });
    if ((await ctx.db.get(row.projectId)) !== null) {
      await ctx.db.patch(
        row.projectId,
        row.kind === "import" ? { importStatus: status, updatedAt: now } : { exportStatus: status, exportRepoUrl: repoUrl, updatedAt: now },
      );
    }
    return toTransfer(await existing(ctx, transferId));
  },
});

export const latest = systemQuery({
  args: { ...owned, limit: v.number() },
  returns: v.array(transferRecord),
  handler: async (ctx, { ownerId, projectId, limit }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const rows = await ctx.db
      .query("transfers")
      .withIndex("by_project", (q) => q.eq("projectId", project._id))
      .order("desc")
      .take(Math.max(1, Math.min(limit, 100)));
    return rows.map(toTransfer);
  },
});

export const resetExport = systemMutation({
  args: owned,
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    if (project.exportStatus === "exporting") {
      throw conflict("transfer_in_progress", "An export of this project is still running");
    }
    await ctx.db.patch(project._id, { exportStatus: undefined, exportRepoUrl: undefined });
    return null;
  },
});

async function existing(ctx: MutationCtx, transferId: string): Promise<Doc<"transfers">> {
  const row = await find(ctx, "transfers", transferId);
  if (row === null) throw notFound("Transfer not found");
  return row;
}
