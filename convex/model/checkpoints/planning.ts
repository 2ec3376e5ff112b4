// What a path becomes when changes are undone: from what stands there now, back over the changes, the newest first.
// Where somebody else has changed the file since, by a merge of three texts; where that is not possible, nothing.
import type { Doc, Id } from "../../_generated/dataModel";
import type { QueryCtx } from "../../_generated/server";
import { fileAt } from "../files.ts";
import { contentOf } from "./kept.ts";
import { merged } from "./lines.ts";
import { isSame, type Side, sideOf } from "./sides.ts";

const MOST_CHANGES = 500; // of one path that are undone

type Link = Doc<"checkpointFiles">;

/** What a path is to become: `target`, or with `text` a file of that text; unless a `problem` says why it stays. */
export interface Plan {
  path: string;
  now: Doc<"files"> | null;
  target: Side | undefined;
  text?: string;
  problem?: string;
  isMoved?: boolean; // it comes back from where it was moved to, with what others have changed there
}

/** The changes of another path that are undone with this one, the newest first; asked for where files were moved. */
export type Others = (path: string) => Promise<Link[]>;

/** How much text a mutation or query may still read. */
export class Budget {
  bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  get isSpent(): boolean {
    return this.bytes <= 0;
  }
}

/** The changes of a path since a version, the newest first; null: too many. */
export async function changesOf(ctx: QueryCtx, projectId: Id<"projects">, path: string, from: number): Promise<Link[] | null> {
  const links = await ctx.db
    .query("checkpointFiles")
    .withIndex("by_path", (q) => q.eq("projectId", projectId).eq("path", path).gte("version", from))
    .order("desc")
    .take(MOST_CHANGES + 1);
  return links.length > MOST_CHANGES ? null : links;
}

/**
 * Undoes the changes of one path, in thought. `links` are the newest first. With `others`, a file that was moved and then
 * edited goes back with the edits; without, what happened to the other path is nobody's business.
 */
export async function planned(
  ctx: QueryCtx,
  projectId: Id<"projects">,
  path: string,
  links: Link[],
  budget: Budget,
  others?: Others,
): Promise<Plan> {
  const now = await fileAt(ctx, projectId, path);
  const texts = new Texts(ctx, projectId, budget);
  let side = now === null ? undefined : sideOf(now);
  let text: string | undefined; // of a merge: `side` is of the file that it was made from
  const elsewhere = movesOnce(links) ? others : undefined;
  let isMoved = false;
  const stays = (problem: string): Plan => ({ path, now, target: side, problem });
  for (const link of links) {
    const { before, after } = link;
    if (text === undefined && isSame(side, after)) {
      const back = elsewhere && (await comingBack(ctx, link, texts, budget, elsewhere));
      [side, text] = back ? [back.side, back.text] : [before, undefined];
      isMoved ||= back !== undefined && back !== null;
      continue;
    }
    if (text === undefined && isSame(side, before)) continue; // somebody has undone it by hand
    if (elsewhere && (await goesBack(ctx, link, budget, elsewhere))) {
      [side, text] = [before, undefined];
      continue;
    }
    const problem = apart(side, before, after);
    if (problem !== null) return stays(problem);
    const [base, ours, theirs] = [await texts.of(after), text ?? (await texts.of(side)), await texts.of(before)];
    if (base === null || ours === null || theirs === null) {
      return stays("it was edited since, and it is no text, or too long, to be merged");
    }
    const result = merged(base, ours, theirs);
    if (result === null) return stays("it was edited since, in the same lines");
    text = result;
  }
  return { path, now, target: side, text, isMoved };
}

/** Whether one of the changes is a move: of files that went to and fro, nobody can say whose edits belong where. */
function movesOnce(links: Link[]): boolean {
  return links.filter((link) => link.movedFrom !== undefined || link.movedTo !== undefined).length === 1;
}

/** Of a file that was moved away: what it is where it is now, less what the agent changed there; null: what it was. */
async function comingBack(
  ctx: QueryCtx,
  link: Link,
  texts: Texts,
  budget: Budget,
  others: Others,
): Promise<{ side: Side; text?: string } | null> {
  if (link.movedTo === undefined || link.before === undefined) return null;
  const there = await others(link.movedTo);
  if (!movesOnce(there)) return null;
  const moved = there.findLastIndex((other) => other.movedFrom === link.path);
  const { after } = there[moved] ?? {};
  if (after === undefined) return null;
  const { target, text, problem } = await planned(ctx, link.projectId, link.movedTo, there.slice(0, moved), budget);
  if (problem !== undefined || target?.type !== "file" || (text === undefined && isSame(target, after))) return null;
  if (isSame(after, link.before)) return { side: target, text };
  const [base, ours, theirs] = [await texts.of(after), text ?? (await texts.of(target)), await texts.of(link.before)];
  const result = base === null || ours === null || theirs === null ? null : merged(base, ours, theirs);
  return result === null ? null : { side: target, text: result };
}

/** Whether a file that was moved here goes back with what it is now. */
async function goesBack(ctx: QueryCtx, link: Link, budget: Budget, others: Others): Promise<boolean> {
  if (link.movedFrom === undefined || link.before !== undefined) return false;
  const there = await others(link.movedFrom);
  if (!movesOnce(there)) return false;
  const { isMoved, problem } = await planned(ctx, link.projectId, link.movedFrom, there, budget, others);
  return isMoved === true && problem === undefined;
}

/** Why a change cannot be undone by merging, or null. */
function apart(now: Side | undefined, before: Side | undefined, after: Side | undefined): string | null {
  if (now === undefined) return "it was deleted or moved since";
  if (before === undefined) return `it was edited since the agent made it${now.type === "folder" ? ", and is a folder now" : ""}`;
  if (after === undefined) return "something else stands there now";
  if (now.type === "folder" || before.type === "folder" || after.type === "folder")
    return "a file took the place of a folder, or a folder that of a file";
  return null;
}

class Texts {
  private readonly ctx: QueryCtx;
  private readonly projectId: Id<"projects">;
  private readonly budget: Budget;

  constructor(ctx: QueryCtx, projectId: Id<"projects">, budget: Budget) {
    this.ctx = ctx;
    this.projectId = projectId;
    this.budget = budget;
  }

  async of(side: Side | undefined): Promise<string | null> {
    const content = side === undefined ? null : await contentOf(this.ctx, this.projectId, side);
    this.budget.bytes -= content?.text === undefined ? 0 : content.size;
    return content?.text ?? null;
  }
}
