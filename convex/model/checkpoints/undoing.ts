// What the agent's `undo` does: the last turn of its conversation that changed files is undone, then the one before it.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../../_generated/dataModel";
import type { QueryCtx } from "../../_generated/server";
import { refused } from "../errors.ts";
import { fileMode, fileType } from "../validators.ts";
import { isThere } from "./applying.ts";
import { contentOf } from "./kept.ts";
import { Budget, type Plan, planned } from "./planning.ts";

const MOST_CHECKPOINTS = 200;
const MOST_CHANGES = 2_000;
const MOST_PATHS = 300;
const MOST_TEXT_BYTES = 4_000_000;

type Checkpoint = Doc<"checkpoints">;
type Link = Doc<"checkpointFiles">;

/** One path and what it is to become: a file of `text` or of the bytes at `url`, a folder, or nothing. */
export const undoStep = v.object({
  path: v.string(),
  nowKind: v.optional(fileType),
  nowSha256: v.string(), // "" where no file stands
  nowMode: v.optional(fileMode),
  kind: v.optional(fileType), // absent: nothing
  mode: v.optional(fileMode),
  text: v.optional(v.string()),
  url: v.optional(v.string()),
  isMerged: v.boolean(),
});

/** `from`: what it undoes began there; absent: there is nothing to undo. */
export const undoPlan = v.object({
  from: v.optional(v.number()),
  steps: v.array(undoStep),
  conflicts: v.array(v.object({ path: v.string(), reason: v.string() })),
});

/** Plans an undo in a conversation, of these paths only if some are given; a folder stands for what is in it. */
export async function undoable(ctx: QueryCtx, message: Doc<"messages">, paths: string[] | undefined): Promise<Infer<typeof undoPlan>> {
  const { projectId, conversationId } = message;
  const known = await ctx.db
    .query("checkpoints")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc")
    .take(MOST_CHECKPOINTS);
  const target = await lastNotUndone(ctx, known, conversationId, paths);
  if (target === null) return { steps: [], conflicts: [] };
  const from = target.firstVersion;
  const others = new Set(known.filter((row) => row.kind === "turn" && row.conversationId !== conversationId).map((row) => row._id));
  const budget = new Budget(MOST_TEXT_BYTES);
  const plans: Plan[] = [];
  const changes = await changesSince(ctx, projectId, from, others);
  const elsewhere = paths === undefined ? async (path: string) => await Promise.resolve(changes.get(path) ?? []) : undefined;
  for (const [path, links] of changes) {
    if (!isAmong(path, paths)) continue;
    plans.push(await planned(ctx, projectId, path, links, budget, elsewhere));
    if (plans.length > MOST_PATHS || budget.isSpent) throw tooMany();
  }
  const steps: Infer<typeof undoStep>[] = [];
  const conflicts: { path: string; reason: string }[] = [];
  for (const plan of plans) {
    if (plan.problem !== undefined) conflicts.push({ path: plan.path, reason: plan.problem });
    else if (!isThere(plan)) {
      const step = await stepOf(ctx, projectId, plan, budget);
      if (step === null) conflicts.push({ path: plan.path, reason: "what it held before is not kept any more" });
      else steps.push(step);
    }
  }
  return { from, steps, conflicts };
}

/** The newest turn of the conversation that no undo, and no restore, has undone. */
async function lastNotUndone(
  ctx: QueryCtx,
  known: Checkpoint[],
  conversationId: Id<"conversations">,
  paths: string[] | undefined,
): Promise<Checkpoint | null> {
  let limit = Number.POSITIVE_INFINITY;
  const limits = new Map<string, number>(); // of single paths
  for (const row of known) {
    if (row.firstVersion >= limit) continue;
    const isOurs = row.kind === "turn" && row.conversationId === conversationId;
    if (row.undo !== undefined && (isOurs || row.kind === "restore")) {
      if (!row.undo.isPartial) limit = row.undo.from;
      else for (const { path } of await linksOf(ctx, row, paths)) limits.set(path, Math.min(limits.get(path) ?? limit, row.undo.from));
      continue;
    }
    if (!isOurs || row.files === 0) continue;
    if (paths === undefined) return row;
    const links = await linksOf(ctx, row, paths);
    if (links.some((link) => link.version < (limits.get(link.path) ?? limit))) return row;
  }
  return null;
}

async function linksOf(ctx: QueryCtx, row: Checkpoint, paths: string[] | undefined): Promise<Link[]> {
  if (paths === undefined) return []; // what was undone of single paths does not hold back the undo of all
  const links = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_checkpoint", (q) => q.eq("checkpointId", row._id))
    .take(MOST_CHANGES);
  return links.filter((link) => isAmong(link.path, paths));
}

/** By path, what was changed since a version, the newest first; without what other conversations did. */
async function changesSince(
  ctx: QueryCtx,
  projectId: Id<"projects">,
  from: number,
  others: Set<Id<"checkpoints">>,
): Promise<Map<string, Link[]>> {
  const links = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_version", (q) => q.eq("projectId", projectId).gte("version", from))
    .order("desc")
    .take(MOST_CHANGES + 1);
  if (links.length > MOST_CHANGES) throw tooMany();
  const found = new Map<string, Link[]>();
  for (const link of links) {
    if (others.has(link.checkpointId)) continue;
    const known = found.get(link.path);
    if (known === undefined) found.set(link.path, [link]);
    else known.push(link);
  }
  return found;
}

async function stepOf(ctx: QueryCtx, projectId: Id<"projects">, plan: Plan, budget: Budget): Promise<Infer<typeof undoStep> | null> {
  const { path, now, target, text, isMoved } = plan;
  const step = {
    path,
    nowKind: now?.type,
    nowSha256: now?.sha256 ?? "",
    nowMode: now?.mode,
    kind: target?.type,
    mode: text === undefined ? target?.mode : now?.mode,
    isMerged: text !== undefined || isMoved === true,
  };
  if (target === undefined || target.type === "folder") return step;
  if (text !== undefined) return { ...step, text };
  const content = await contentOf(ctx, projectId, target);
  if (content === null) return null;
  if (content.storageId !== undefined) return { ...step, url: (await ctx.storage.getUrl(content.storageId)) ?? undefined };
  budget.bytes -= content.size;
  if (budget.isSpent) throw tooMany();
  return { ...step, text: content.text };
}

function isAmong(path: string, paths: string[] | undefined): boolean {
  return paths === undefined || paths.some((top) => path === top || path.startsWith(`${top}/`));
}

function tooMany() {
  return refused(
    "too_many",
    "That changed too much to be undone by a tool; name some of its paths, or ask the person to restore its checkpoint",
  );
}
