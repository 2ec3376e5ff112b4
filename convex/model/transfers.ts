// Imports, exports, pulls and pull requests: begun once per key, ended once; the project's status moves with them.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import { internal } from "../_generated/api";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { find } from "./access.ts";
import { conflict, notFound } from "./errors.ts";
import { Changes, removeTree } from "./files.ts";
import { emit, type NewEvent } from "./outbox.ts";
import { toOutbox, toTransfer } from "./records.ts";
import type { newLink, outboxData } from "./validators.ts";

const CLEAN_BATCH = 500;
const MOST_PARTLY = 8; // the oldest is forgotten beyond: its paths are merged again, which may show as conflicts

export type Kind = Doc<"transfers">["kind"];
type End = "completed" | "failed" | "cancelled";
type Project = Doc<"projects">;

const IN_WORDS: Record<Kind, string> = { import: "An import", export: "An export", pull: "A pull", pullRequest: "A pull request" };

/** Kinds that exclude each other in a project: each goes by the commit that the one before has left. */
const WITH_REPOSITORY: Kind[] = ["export", "pull", "pullRequest"];

/** What a transfer says when it ends, beside its status. */
export type Outcome = Pick<Doc<"transfers">, "repoUrl" | "error" | "errorCode" | "pullRequest"> & { link?: Infer<typeof newLink> };

export async function latestTransfers(ctx: QueryCtx, projectId: Id<"projects">, limit: number): Promise<Doc<"transfers">[]> {
  return await ctx.db
    .query("transfers")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc")
    .take(Math.max(1, Math.min(limit, 100)));
}

/** Begins a transfer, or finds the one that this key has begun before. */
export async function begin(
  ctx: MutationCtx,
  project: Doc<"projects">,
  { kind, externalId, storageId }: { kind: Kind; externalId: string; storageId?: Id<"_storage"> },
): Promise<Doc<"transfers">> {
  const known = await ctx.db
    .query("transfers")
    .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
    .first();
  if (known !== null && known.kind !== kind) {
    throw conflict("idempotency_key_reused", `This idempotency key was used for another transfer: ${IN_WORDS[known.kind].toLowerCase()}`);
  }
  if (known !== null) return known;
  for (const other of WITH_REPOSITORY.includes(kind) ? WITH_REPOSITORY : [kind]) {
    if ((await running(ctx, project._id, other)) !== null) {
      throw conflict("transfer_in_progress", `${IN_WORDS[other]} of this project is already running`);
    }
  }
  const now = Date.now();
  if (kind === "import") await ctx.db.patch(project._id, { importStatus: "importing", updatedAt: now });
  if (kind === "export") await ctx.db.patch(project._id, { exportStatus: "exporting", exportRepoUrl: undefined, updatedAt: now });
  const id = await ctx.db.insert("transfers", {
    projectId: project._id,
    externalId,
    kind,
    status: "running",
    done: 0,
    total: 0,
    storageId,
    heartbeatAt: now,
  });
  return await existing(ctx, id);
}

/** The event that has a transfer done, which names it; the one of before where it is still on its way. */
export async function announce(
  ctx: MutationCtx,
  transfer: Doc<"transfers">,
  event: { name: NewEvent["name"]; data: Infer<typeof outboxData>; userId: string },
): Promise<Doc<"outbox">[]> {
  const eventId = eventOf(transfer._id);
  const waiting = await ctx.db
    .query("outbox")
    .withIndex("by_event", (q) => q.eq("eventId", eventId))
    .first();
  if (waiting !== null) return [waiting];
  if (transfer.phase !== undefined || transfer.status !== "running") return []; // it was taken up before
  await ctx.db.patch(transfer._id, { phase: "queued" });
  const data = { ...event.data, transferId: transfer._id, projectId: transfer.projectId };
  return [await emit(ctx, { ...event, data, eventId })];
}

/** Begins a transfer of a project that there is, with its event. */
export async function request(
  ctx: MutationCtx,
  project: Project,
  { kind, externalId, name, data }: { kind: Kind; externalId: string; name: NewEvent["name"]; data: Infer<typeof outboxData> },
) {
  const row = await begin(ctx, project, { kind, externalId });
  const events = await announce(ctx, row, { name, data, userId: project.ownerId });
  return { transfer: toTransfer(await existing(ctx, row._id)), eventId: eventOf(row._id), events: events.map(toOutbox) };
}

/** The id of the event that has the transfer done. */
export function eventOf(id: Id<"transfers">): string {
  return `transfer-${id}`;
}

/** The transfer of a kind that runs in a project; null where none does. */
export async function running(ctx: QueryCtx, projectId: Id<"projects">, kind: Kind): Promise<Doc<"transfers"> | null> {
  return await ctx.db
    .query("transfers")
    .withIndex("by_project_kind_status", (q) => q.eq("projectId", projectId).eq("kind", kind).eq("status", "running"))
    .first();
}

/** Ends a transfer; one that ended before stays as it is. An import that did not end well takes its files along. */
export async function end(ctx: MutationCtx, row: Doc<"transfers">, status: End, outcome: Outcome): Promise<Doc<"transfers">> {
  if (row.status !== "running") return row;
  const now = Date.now();
  const repoUrl = outcome.repoUrl ?? row.repoUrl;
  await ctx.db.patch(row._id, {
    status,
    repoUrl,
    error: outcome.error?.slice(0, 2_000),
    errorCode: outcome.errorCode?.slice(0, 100),
    pullRequest: outcome.pullRequest,
    storageId: undefined,
    waitingUntil: undefined,
    heartbeatAt: now,
  });
  if (row.storageId !== undefined) await dropArchive(ctx, row.storageId);
  const project = await ctx.db.get(row.projectId);
  if (project !== null) {
    if (row.kind === "import") await ctx.db.patch(project._id, { importStatus: status, updatedAt: now });
    if (row.kind === "export") await ctx.db.patch(project._id, { exportStatus: status, exportRepoUrl: repoUrl, updatedAt: now });
    const repository = linkAfter(project, row, status, outcome.link, repoUrl ?? "");
    if (repository !== undefined) await ctx.db.patch(project._id, { repository, updatedAt: now });
    if (row.kind === "import" && status !== "completed") {
      await ctx.scheduler.runAfter(0, internal.system.transfers.clean, { projectId: row.projectId, before: now });
    }
  }
  return await existing(ctx, row._id);
}

/** Deletes the archive of an import, which may be gone already. */
export async function dropArchive(ctx: MutationCtx, storageId: Id<"_storage">): Promise<void> {
  if ((await ctx.db.system.get(storageId)) !== null) await ctx.storage.delete(storageId);
}

/** Where the project stands to its repository once a transfer has ended; undefined: as before. */
function linkAfter(
  { repository }: Project,
  row: Doc<"transfers">,
  status: End,
  link: Infer<typeof newLink> | undefined,
  url: string,
): Project["repository"] {
  if (status === "completed") return link && { ...link, url, syncedAt: Date.now() };
  const { kind, commit, upTo } = row;
  if (kind !== "pull" || commit === undefined || upTo === undefined || repository === undefined) return undefined;
  const later = (repository.partly ?? []).filter((part) => isAfter(part.upTo, upTo));
  return { ...repository, partly: [{ commit, upTo }, ...later].slice(0, MOST_PARTLY) };
}

/** Whether a path comes after another where characters are compared by their code points, as the jobs do. */
function isAfter(path: string, other: string): boolean {
  const [one, two] = [Array.from(path), Array.from(other)];
  for (const [index, char] of one.entries()) {
    const [a, b] = [char.codePointAt(0) ?? 0, two[index]?.codePointAt(0) ?? -1];
    if (a !== b) return a > b;
  }
  return false;
}

/** Deletes up to a batch of what an import has written; true where there may be more. Later files stay. */
export async function cleanBatch(ctx: MutationCtx, project: Doc<"projects">, before: number): Promise<boolean> {
  const changes = new Changes(ctx, project);
  const rows = await ctx.db
    .query("files")
    .withIndex("by_path", (q) => q.eq("projectId", project._id))
    .order("desc") // what is in a folder comes before the folder
    .filter((q) => q.lte(q.field("updatedAt"), before))
    .take(CLEAN_BATCH);
  let removed = 0;
  for (const row of rows) {
    if (row.type === "folder" && (await holdsAny(ctx, row))) continue;
    await removeTree(changes, row);
    removed += 1;
  }
  await changes.close();
  return rows.length === CLEAN_BATCH && removed > 0;
}

export async function existing(ctx: MutationCtx, transferId: string): Promise<Doc<"transfers">> {
  const row = await find(ctx, "transfers", transferId);
  if (row === null) throw notFound("Transfer not found");
  return row;
}

async function holdsAny(ctx: QueryCtx, folder: Doc<"files">): Promise<boolean> {
  const inside = await ctx.db
    .query("files")
    .withIndex("by_parent", (q) => q.eq("projectId", folder.projectId).eq("parentId", folder._id))
    .first();
  return inside !== null;
}
