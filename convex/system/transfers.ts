// Imports and exports of projects, for the API and for jobs. What is written and how far it is go in one mutation.
import { v } from "convex/values";
import { internal } from "../_generated/api";
import type { Doc } from "../_generated/dataModel";
import { find, ownedProject } from "../model/access.ts";
import { conflict, refused } from "../model/errors.ts";
import { Changes, writeFile } from "../model/files.ts";
import { internalMutation } from "../_generated/server";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { emit } from "../model/outbox.ts";
import { createProject } from "../model/projects.ts";
import { outboxRecord, projectRecord, toOutbox, toProject, toTransfer, transferRecord } from "../model/records.ts";
import { announce, begin, cleanBatch, end, eventOf, existing, latestTransfers, request, running } from "../model/transfers.ts";
import { newContent, newLink, openedPullRequest, outboxData, reportLine, transferEnd, transferKind } from "../model/validators.ts";

const MAX_FILES = 200; // in one mutation
const MAX_REPORT = 200; // lines of each kind

const owned = { ownerId: v.string(), projectId: v.string() };
const requested = { transfer: transferRecord, eventId: v.string(), events: v.array(outboxRecord) };

/** A new project, the import that fills it, and the event that has it done: all at once, once per key. */
export const requestImport = systemMutation({
  args: {
    ownerId: v.string(),
    name: v.string(),
    externalId: v.string(),
    event: v.union(v.literal("github/import.requested"), v.literal("archive/import.requested")),
    data: outboxData,
    storageId: v.optional(v.id("_storage")),
  },
  returns: v.object({ ...requested, project: projectRecord }),
  handler: async (ctx, { ownerId, name, externalId, event, data, storageId }) => {
    const made = await createProject(ctx, ownerId, name, externalId);
    const row = await begin(ctx, made, { kind: "import", externalId, storageId });
    const events = await announce(ctx, row, { name: event, data, userId: ownerId });
    const project = await ownedProject(ctx, ownerId, made._id);
    const transfer = await existing(ctx, row._id);
    return { project: toProject(project), transfer: toTransfer(transfer), eventId: eventOf(row._id), events: events.map(toOutbox) };
  },
});

/** An export of a project, and the event that has it done: at once, once per key. */
export const requestExport = systemMutation({
  args: { ...owned, externalId: v.string(), data: outboxData },
  returns: v.object(requested),
  handler: async (ctx, { ownerId, projectId, externalId, data }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return await request(ctx, project, { kind: "export", externalId, name: "github/export.requested", data });
  },
});

/** Stops what runs of a kind in a project: nothing of it is written after this. Gives the event that stops the run. */
export const cancel = systemMutation({
  args: { ...owned, kind: transferKind },
  returns: v.object({ transferIds: v.array(v.id("transfers")), events: v.array(outboxRecord) }),
  handler: async (ctx, { ownerId, projectId, kind }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const row = await running(ctx, project._id, kind);
    if (row === null) return { transferIds: [], events: [] };
    await end(ctx, row, "cancelled", { error: whatIsLeft(row), errorCode: "cancelled" });
    const event = { name: "transfer/cancelled" as const, data: { transferId: row._id }, userId: ownerId };
    const sent = await emit(ctx, { ...event, eventId: `${eventOf(row._id)}:cancelled` });
    return { transferIds: [row._id], events: [toOutbox(sent)] };
  },
});

function whatIsLeft({ kind, repoUrl, upTo, phase }: Doc<"transfers">): string {
  if (kind === "export" && repoUrl !== undefined) return `Cancelled. The repository ${repoUrl} is left as it is`;
  if (kind === "pull" && upTo !== undefined) return "Cancelled. What has come by then stays; the next pull brings the rest";
  if (kind === "pullRequest" && phase === "pushing") return "Cancelled. The branch may have been pushed already";
  return "Cancelled";
}

export const start = systemMutation({
  args: { ...owned, kind: transferKind, externalId: v.string() },
  returns: transferRecord,
  handler: async (ctx, { ownerId, projectId, ...transfer }) =>
    toTransfer(await begin(ctx, await ownedProject(ctx, ownerId, projectId), transfer)),
});

const how = {
  phase: v.optional(v.string()),
  done: v.optional(v.number()),
  total: v.optional(v.number()),
  bytes: v.optional(v.number()),
  totalBytes: v.optional(v.number()),
  waitingUntil: v.optional(v.number()), // not given: no longer
  branch: v.optional(v.string()),
  commit: v.optional(v.string()),
  repoUrl: v.optional(v.string()),
};

/** How far a transfer is: false when it is over, and must stop. */
export const progress = systemMutation({
  args: { transferId: v.string(), ...how },
  returns: v.boolean(),
  handler: async (ctx, { transferId, waitingUntil, ...said }) => {
    const row = await existing(ctx, transferId);
    if (row.status !== "running") return false;
    await ctx.db.patch(row._id, { ...said, waitingUntil, heartbeatAt: Date.now() });
    return true;
  },
});

/** Files of an import, and how far it is, together. Refused once the transfer is over: no write follows a cancel. */
export const write = systemMutation({
  args: {
    transferId: v.string(),
    files: v.array(newContent.extend({ path: v.string() })),
    done: v.number(),
    total: v.number(),
    bytes: v.number(),
    totalBytes: v.number(),
  },
  returns: v.null(),
  handler: async (ctx, { transferId, files, ...said }) => {
    if (files.length > MAX_FILES) throw refused("too_many", `At most ${MAX_FILES} files can be written at once`);
    const row = await existing(ctx, transferId);
    const project = await ctx.db.get(row.projectId);
    if (row.status !== "running" || row.kind !== "import" || project === null || project.deletedAt !== undefined) {
      throw conflict("transfer_over", "This transfer is over");
    }
    const changes = new Changes(ctx, project);
    for (const file of files) await writeFile(changes, file.path, file);
    await changes.close();
    await ctx.db.patch(row._id, { ...said, phase: "writing", heartbeatAt: Date.now() });
    return null;
  },
});

export const finish = systemMutation({
  args: {
    transferId: v.string(),
    status: transferEnd,
    repoUrl: v.optional(v.string()),
    error: v.optional(v.string()),
    errorCode: v.optional(v.string()),
    skipped: v.optional(v.array(reportLine)),
    skippedCount: v.optional(v.number()),
    notes: v.optional(v.array(reportLine)),
    link: v.optional(newLink), // what the project has in common with its repository now
    pullRequest: v.optional(openedPullRequest),
  },
  returns: transferRecord,
  handler: async (ctx, { transferId, status, skipped, skippedCount, notes, ...outcome }) => {
    const row = await existing(ctx, transferId);
    if (row.status !== "running") return toTransfer(row);
    const report = { skipped: skipped?.slice(0, MAX_REPORT), skippedCount, notes: notes?.slice(0, MAX_REPORT) };
    await ctx.db.patch(row._id, report);
    return toTransfer(await end(ctx, await existing(ctx, transferId), status, outcome));
  },
});

/** Where the archive of an import can be fetched; null where it is gone. */
export const archiveUrl = systemQuery({
  args: { transferId: v.string() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { transferId }) => {
    const row = await find(ctx, "transfers", transferId);
    return row?.storageId === undefined ? null : await ctx.storage.getUrl(row.storageId);
  },
});

export const latest = systemQuery({
  args: { ...owned, limit: v.number() },
  returns: v.array(transferRecord),
  handler: async (ctx, { ownerId, projectId, limit }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return (await latestTransfers(ctx, project._id, limit)).map(toTransfer);
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

/** The files of an import that did not end well, in batches. */
export const clean = internalMutation({
  args: { projectId: v.id("projects"), before: v.number() },
  returns: v.null(),
  handler: async (ctx, { projectId, before }): Promise<null> => {
    const project = await ctx.db.get(projectId);
    if (project === null || project.deletedAt !== undefined) return null; // system/purge has it
    if (await cleanBatch(ctx, project, before)) {
      await ctx.scheduler.runAfter(0, internal.system.transfers.clean, { projectId, before });
    }
    return null;
  },
});
