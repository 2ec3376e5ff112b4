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
}

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

/** Undoes the changes of one path, in thought. `links` are the newest first. */
export async function planned(ctx: QueryCtx, projectId: Id<"projects">, path: string, links: Link[], budget: Budget): Promise<Plan> {
  const now = await fileAt(ctx, projectId, path);
  const texts = new Texts(ctx, projectId, budget);
  let side = now === null ? undefined : sideOf(now);
  let text: string | undefined; // of a merge: `side` is of the file that it was made from
  const stays = (problem: string): Plan => ({ path, now, target: side, problem });
  for (const { before, after } of links) {
    if (text === undefined && isSame(side, after)) {
      side = before;
      continue;
    }
    if (text === undefined && isSame(side, before)) continue; // somebody has undone it by hand
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
  return { path, now, target: side, text };
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
