// The diff of a recorded change in hunks that a person can take or leave, one by one.
import { type Infer, v } from "convex/values";
import type { Doc } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { conflict, notFound, refused } from "../errors.ts";
import { Changes, contentFromText, fileAt, writeFile } from "../files.ts";
import { fileType, verdict } from "../validators.ts";
import { applied } from "./applying.ts";
import { contentOf } from "./kept.ts";
import { type Block, blocksOf, linesOf, merged } from "./lines.ts";
import { Budget, type Plan, planned } from "./planning.ts";
import { Recording } from "./recording.ts";
import { isSame, type Side, sideOf } from "./sides.ts";

const CONTEXT = 3; // lines around a change
const MOST_CHARS = 100_000; // of the lines of a file that are shown
const MOST_REVIEWS = 2_000; // of a file
const TEXT_BYTES = 4_000_000;
const HEX = 16;

type Link = Doc<"checkpointFiles">;

export const hunkRecord = v.object({
  hunkId: v.string(),
  oldStart: v.number(), // lines count from 1; 0 where there is none
  oldLines: v.number(),
  newStart: v.number(),
  newLines: v.number(),
  lines: v.array(v.string()), // " ", "-" or "+", then the line; none of what is no text, or is cut off
  state: v.union(v.literal("open"), verdict),
});

export const changedFile = v.object({
  path: v.string(),
  kind: fileType,
  status: v.union(v.literal("created"), v.literal("changed"), v.literal("deleted"), v.literal("renamed")),
  added: v.optional(v.number()),
  removed: v.optional(v.number()),
  movedFrom: v.optional(v.string()),
  movedTo: v.optional(v.string()),
});

export const reviewedFile = changedFile.extend({
  beforeSha256: v.optional(v.string()),
  afterSha256: v.optional(v.string()),
  isText: v.boolean(),
  isCut: v.boolean(),
  hunks: v.array(hunkRecord),
});

export function toChangedFile({ path, before, after, added, removed, movedFrom, movedTo }: Link): Infer<typeof changedFile> {
  const status = movedFrom !== undefined ? "renamed" : before === undefined ? "created" : after === undefined ? "deleted" : "changed";
  return { path, kind: (after ?? before)?.type ?? "file", status, added, removed, movedFrom, movedTo };
}

/** A change with its hunks and how each was judged. */
export async function toReviewedFile(ctx: QueryCtx, link: Link, budget: Budget): Promise<Infer<typeof reviewedFile>> {
  const { hunks, isText } = await hunksOf(ctx, link, budget);
  const verdicts = new Map(link.reviews?.map((review) => [review.hunk, review.verdict]));
  let left = MOST_CHARS;
  let isCut = false;
  const shown = hunks.map(({ hunkId, oldStart, oldLines, newStart, newLines, lines }) => {
    left -= lines.reduce((sum, line) => sum + line.length + 1, 0);
    isCut ||= left < 0;
    const state = verdicts.get(hunkId) ?? ("open" as const);
    return { hunkId, oldStart, oldLines, newStart, newLines, lines: left < 0 ? [] : lines, state };
  });
  const sides = { beforeSha256: link.before?.sha256, afterSha256: link.after?.sha256 };
  return { ...toChangedFile(link), ...sides, isText, isCut, hunks: shown };
}

/**
 * Takes hunks of a checkpoint's change to a file, or leaves them: what is left is taken out of the file as it is now, all
 * or nothing. Doing it again changes nothing. Gives the checkpoint that undoes it, if anything was changed.
 */
export async function review(
  ctx: MutationCtx,
  project: Doc<"projects">,
  checkpoint: Doc<"checkpoints">,
  { path, accept, reject }: { path: string; accept: string[]; reject: string[] },
): Promise<Doc<"checkpoints">["_id"] | undefined> {
  const links = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_checkpoint", (q) => q.eq("checkpointId", checkpoint._id).eq("path", path))
    .take(100);
  if (links.length === 0) throw notFound("The checkpoint has no such file");
  const recording = new Recording(null, { kind: "reject" });
  const changes = new Changes(ctx, project, recording);
  const unknown = new Set([...accept, ...reject]);
  for (const link of links.sort((a, b) => b.version - a.version)) {
    const { hunks } = await hunksOf(ctx, link, new Budget(TEXT_BYTES));
    const ids = new Set(hunks.map((hunk) => hunk.hunkId));
    for (const id of ids) unknown.delete(id);
    const given = (wanted: string[]) => wanted.filter((id) => ids.has(id));
    await reviewLink(changes, link, hunks, { accept: given(accept), reject: given(reject) });
  }
  if (unknown.size > 0) throw conflict("unknown_hunk", "The diff has no such hunk, or has changed; read the checkpoint again");
  await changes.close();
  return recording.checkpointId;
}

async function reviewLink(
  changes: Changes,
  link: Link,
  hunks: Hunk[],
  { accept, reject }: { accept: string[]; reject: string[] },
): Promise<void> {
  const verdicts = new Map(link.reviews?.map((one) => [one.hunk, one.verdict]));
  const leaving = hunks.filter((hunk) => reject.includes(hunk.hunkId) && verdicts.get(hunk.hunkId) !== "rejected");
  if (accept.some((id) => verdicts.get(id) === "rejected" || reject.includes(id))) {
    throw conflict("hunk_rejected", "The hunk was rejected; restore the rejection's checkpoint to have it back");
  }
  if (leaving.length > 0) await takeOut(changes, link, leaving);
  for (const id of accept) verdicts.set(id, "accepted");
  for (const hunk of leaving) verdicts.set(hunk.hunkId, "rejected");
  if (verdicts.size > MOST_REVIEWS) throw refused("too_many", `At most ${MOST_REVIEWS} hunks of a file can be reviewed`);
  if (accept.length + leaving.length === 0) return;
  await changes.ctx.db.patch(link._id, { reviews: [...verdicts].map(([hunk, judged]) => ({ hunk, verdict: judged })) });
}

async function takeOut(changes: Changes, link: Link, hunks: Hunk[]): Promise<void> {
  const { ctx, project } = changes;
  const budget = new Budget(TEXT_BYTES);
  const stays = (why: string) => conflict("hunk_conflict", `"${link.path}" was left as it is: ${why}`);
  if (hunks.some((hunk) => hunk.blocks === null)) {
    const plan: Plan = await planned(ctx, project._id, link.path, [link], budget);
    const [done] = await applied(changes, [plan]);
    if (done?.reason !== undefined) throw stays(done.reason);
    return;
  }
  const now = await fileAt(ctx, project._id, link.path);
  if (now === null) throw stays("it was deleted or moved since");
  const after = await textOfSide(ctx, link, link.after);
  const ours = isSame(sideOf(now), link.after) ? after : ((await contentOf(ctx, project._id, sideOf(now)))?.text ?? null);
  if (after === null || ours === null) throw stays("it is no text any more");
  const result = merged(after, ours, without(after, hunks));
  if (result === null) throw stays("it was edited since, in the same lines");
  await writeFile(changes, link.path, { ...(await contentFromText(result)), mode: now.mode }, now.sha256);
}

interface Hunk {
  hunkId: string;
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  lines: string[];
  blocks: Block[] | null; // null: the file as a whole
}

async function hunksOf(ctx: QueryCtx, link: Link, budget: Budget): Promise<{ hunks: Hunk[]; isText: boolean }> {
  const { before, after } = link;
  const isReadable = !budget.isSpent && before?.type !== "folder" && after?.type !== "folder";
  budget.bytes -= (before?.size ?? 0) + (after?.size ?? 0);
  const old = isReadable ? await textOfSide(ctx, link, before) : null;
  const fresh = isReadable ? await textOfSide(ctx, link, after) : null;
  const isText = old !== null && fresh !== null;
  const groups = isText ? grouped(linesOf(old), linesOf(fresh)) : [];
  const isWhole = before === undefined || after === undefined || groups.length === 0;
  const [first] = groups;
  const whole = { oldStart: 0, oldLines: 0, newStart: 0, newLines: 0, lines: [], ...first, blocks: null };
  const hunks = isWhole ? [whole] : groups;
  const named = hunks.map(async (hunk) => ({ ...hunk, hunkId: await idOf(link, hunk.oldStart, hunk.newStart) }));
  return { hunks: await Promise.all(named), isText };
}

async function textOfSide(ctx: QueryCtx, link: Link, side: Side | undefined): Promise<string | null> {
  if (side === undefined) return "";
  return (await contentOf(ctx, link.projectId, side))?.text ?? null;
}

/** The same for the same change, whoever asks and when. */
async function idOf(link: Link, oldStart: number, newStart: number): Promise<string> {
  const named = [link.path, link.before?.sha256, link.after?.sha256, oldStart, newStart].join("\n");
  return (await contentFromText(named)).sha256.slice(0, HEX);
}

/** What differs, in hunks: changes whose context meets are one. */
function grouped(old: string[], fresh: string[]): Omit<Hunk, "hunkId">[] {
  const groups: Block[][] = [];
  for (const block of blocksOf(old, fresh)) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && block.oldStart - (last.oldStart + last.oldLines.length) <= 2 * CONTEXT) groups.at(-1)?.push(block);
    else groups.push([block]);
  }
  return groups.map((blocks) => hunkOf(old, blocks));
}

function hunkOf(old: string[], blocks: Block[]): Omit<Hunk, "hunkId"> {
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a hunk of nothing");
  const start = Math.max(0, first.oldStart - CONTEXT);
  const end = Math.min(old.length, last.oldStart + last.oldLines.length + CONTEXT);
  const lines: string[] = [];
  let at = start;
  let grown = 0;
  for (const block of blocks) {
    lines.push(...old.slice(at, block.oldStart).map((line) => shown(" ", line)));
    lines.push(...block.oldLines.map((line) => shown("-", line)), ...block.newLines.map((line) => shown("+", line)));
    at = block.oldStart + block.oldLines.length;
    grown += block.newLines.length - block.oldLines.length;
  }
  lines.push(...old.slice(at, end).map((line) => shown(" ", line)));
  const oldLines = end - start;
  const newLines = oldLines + grown;
  const newStart = first.newStart - (first.oldStart - start);
  return {
    oldStart: oldLines > 0 ? start + 1 : start,
    oldLines,
    newStart: newLines > 0 ? newStart + 1 : newStart,
    newLines,
    lines,
    blocks,
  };
}

function shown(sign: string, line: string): string {
  return sign + (line.endsWith("\n") ? line.slice(0, -1) : `${line}\n\\ No newline at end of file`);
}

/** The text without these hunks. */
function without(after: string, hunks: Hunk[]): string {
  const lines = linesOf(after);
  const blocks = hunks.flatMap((hunk) => hunk.blocks ?? []).sort((a, b) => b.newStart - a.newStart);
  for (const block of blocks) lines.splice(block.newStart, block.newLines.length, ...block.oldLines);
  return lines.join("");
}
