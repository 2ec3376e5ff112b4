// Records what a mutation changes, so that it can be undone: each path with what stood there before and after.
import type { Doc, Id } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { internal } from "../../_generated/api";
import { threadOf } from "../tasks.ts";
import { countedLines, linesOf } from "./lines.ts";
import { contentOf } from "./kept.ts";
import { isSame, type Side } from "./sides.ts";

const MOST_JOINED = 300; // changes that are joined with one of before in a mutation, each for one of its 4,096 reads
const MOST_LINKS = 5_000; // of a checkpoint that are read to join others to them
const MOST_COUNTED_BYTES = 4_000_000; // of text in a mutation whose lines are counted
const SWEEP_EVERY = 10; // checkpoints of a project

type Checkpoint = Doc<"checkpoints">;
type Link = Doc<"checkpointFiles">;
type Fresh = Pick<Checkpoint, "kind"> & Partial<Checkpoint>;

interface Noted {
  before?: Side;
  after?: Side;
  movedFrom?: string;
  movedTo?: string;
}

/** What a mutation has let go of and what it still names, for the keeping of contents. */
export interface Written {
  named: Set<string>;
  released: Set<string>;
}

/** The recording of a call: changes of one turn of an answer have one checkpoint. */
export async function recordingOfTurn(
  ctx: QueryCtx,
  generation: Doc<"generations">,
  turn: number,
  undo?: Checkpoint["undo"],
): Promise<Recording> {
  const { messageId, round } = generation;
  const conversationId = await threadOf(ctx, generation.conversationId);
  const row = await ctx.db
    .query("checkpoints")
    .withIndex("by_turn", (q) => q.eq("messageId", messageId).eq("round", round).eq("turn", turn))
    .unique();
  return new Recording(row, { kind: "turn", messageId, conversationId, round, turn, undo });
}

/** Notes changes in memory; `write` keeps them. */
export class Recording {
  private row: Checkpoint | null;
  private readonly fresh: Fresh;
  private readonly noted = new Map<string, Noted>();
  private version = 0;

  constructor(row: Checkpoint | null, fresh: Fresh) {
    this.row = row;
    this.fresh = fresh;
  }

  get checkpointId(): Id<"checkpoints"> | undefined {
    return this.row?._id;
  }

  /** The version of the newest change that was written, or that the project had before. */
  lastVersion(project: Doc<"projects">): number {
    return Math.max(this.version, project.filesVersion);
  }

  /** At `path` stands `after` instead of `before`. */
  note(path: string, before: Side | undefined, after: Side | undefined): void {
    const known = this.noted.get(path);
    if (known === undefined) this.noted.set(path, { before, after });
    else known.after = after;
  }

  noteMove(from: string, to: string, side: Side): void {
    this.note(from, side, undefined);
    this.note(to, undefined, side);
    const [source, target] = [this.noted.get(from), this.noted.get(to)];
    if (target !== undefined) target.movedFrom = source?.movedFrom ?? from;
    if (source !== undefined) source.movedTo = to;
  }

  /** Keeps what was noted. `texts` are texts that are at hand, by their hash. */
  async write(ctx: MutationCtx, project: Doc<"projects">, texts: Map<string, string>): Promise<Written> {
    const written = { named: new Set<string>(), released: new Set<string>() };
    const changed = [...this.noted].filter(([, { before, after }]) => !isSame(before, after));
    this.noted.clear();
    if (changed.length === 0) return written;
    this.version = this.lastVersion(project);
    const isNew = this.row === null;
    const row = this.row ?? (await begin(ctx, project, this.fresh));
    this.row = row;
    const joinable = isNew ? new Map<string, Link>() : await joinableLinks(ctx, row);
    const sums = { files: 0, added: 0, removed: 0, bytes: 0 };
    const counting = new Counting(ctx, project._id, texts);
    let joined = 0;
    for (const [path, change] of changed) {
      this.version += 1;
      let link = joinable.get(path);
      if (link !== undefined && joined < MOST_JOINED) {
        joined += 1;
        if (!isSame(link.after, change.before)) link = undefined;
      } else {
        link = undefined;
      }
      await this.writeLink(ctx, { path, change, link, row, counting, sums, written });
    }
    const before = (await ctx.db.get(row._id)) ?? row;
    await ctx.db.patch(row._id, {
      updatedAt: Date.now(),
      files: before.files + sums.files,
      added: before.added + sums.added,
      removed: before.removed + sums.removed,
      bytes: before.bytes + sums.bytes,
      undo: isNew ? before.undo : bothUndone(before.undo, this.fresh.undo),
    });
    return written;
  }

  private async writeLink(
    ctx: MutationCtx,
    given: { path: string; change: Noted; link: Link | undefined; row: Checkpoint; counting: Counting; sums: Sums; written: Written },
  ): Promise<void> {
    const { path, change, link, row, counting, sums, written } = given;
    const { after } = change;
    const before = link === undefined ? change.before : link.before;
    if (link?.after?.sha256 !== undefined) written.released.add(link.after.sha256);
    if (link !== undefined && isSame(before, after)) {
      if (before?.sha256 !== undefined) written.released.add(before.sha256);
      await ctx.db.delete(link._id);
      add(sums, { files: -1, added: -(link.added ?? 0), removed: -(link.removed ?? 0), bytes: -(before?.size ?? 0) });
      return;
    }
    const isMoved = (change.movedFrom ?? change.movedTo ?? link?.movedFrom ?? link?.movedTo) !== undefined;
    const counts = isMoved ? {} : await counting.of(before, after);
    for (const side of [before, after]) if (side?.sha256 !== undefined) written.named.add(side.sha256);
    if (link !== undefined) {
      await ctx.db.patch(link._id, { added: undefined, removed: undefined, after, version: this.version, reviews: undefined, ...counts });
    } else {
      const { movedFrom, movedTo } = change;
      const fields = { projectId: row.projectId, checkpointId: row._id, path, version: this.version };
      await ctx.db.insert("checkpointFiles", { ...fields, before, after, movedFrom, movedTo, ...counts });
    }
    add(sums, {
      files: link === undefined ? 1 : 0,
      added: (counts.added ?? 0) - (link?.added ?? 0),
      removed: (counts.removed ?? 0) - (link?.removed ?? 0),
      bytes: link === undefined ? (before?.size ?? 0) : 0,
    });
  }
}

interface Sums {
  files: number;
  added: number;
  removed: number;
  bytes: number;
}

function add(sums: Sums, more: Sums): void {
  sums.files += more.files;
  sums.added += more.added;
  sums.removed += more.removed;
  sums.bytes += more.bytes;
}

/** Counts lines of changes, as long as it does not take too much. */
class Counting {
  private left = MOST_COUNTED_BYTES;
  private readonly ctx: QueryCtx;
  private readonly projectId: Id<"projects">;
  private readonly texts: Map<string, string>;

  constructor(ctx: QueryCtx, projectId: Id<"projects">, texts: Map<string, string>) {
    this.ctx = ctx;
    this.projectId = projectId;
    this.texts = texts;
  }

  async of(before: Side | undefined, after: Side | undefined): Promise<{ added?: number; removed?: number }> {
    this.left -= (before?.size ?? 0) + (after?.size ?? 0);
    if (this.left < 0) return {};
    const [old, fresh] = [await this.textOf(before), await this.textOf(after)];
    if (old === null || fresh === null) return {};
    if (before === undefined) return { added: linesOf(fresh).length, removed: 0 };
    if (after === undefined) return { added: 0, removed: linesOf(old).length };
    return countedLines(old, fresh);
  }

  private async textOf(side: Side | undefined): Promise<string | null> {
    if (side?.sha256 === undefined) return "";
    const known = this.texts.get(side.sha256);
    if (known !== undefined) return known;
    return (await contentOf(this.ctx, this.projectId, side))?.text ?? null;
  }
}

/** A new checkpoint of the project. */
export async function begin(ctx: MutationCtx, project: Doc<"projects">, fresh: Fresh): Promise<Checkpoint> {
  const number = ((await newest(ctx, project._id))?.number ?? 0) + 1;
  if (number % SWEEP_EVERY === 0) {
    await ctx.scheduler.runAfter(0, internal.system.sweep.checkpointsOf, { projectId: project._id });
  }
  const counts = { files: 0, added: 0, removed: 0, bytes: 0, updatedAt: Date.now() };
  const fields = { projectId: project._id, number, firstVersion: project.filesVersion + 1, ...counts, ...fresh };
  const row = await ctx.db.get(await ctx.db.insert("checkpoints", fields));
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

async function newest(ctx: QueryCtx, projectId: Id<"projects">): Promise<Checkpoint | null> {
  return await ctx.db
    .query("checkpoints")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc")
    .first();
}

/** By path, the changes of a checkpoint that later ones of it may be joined with: those that no other came after. */
async function joinableLinks(ctx: QueryCtx, row: Checkpoint): Promise<Map<string, Link>> {
  const found = new Map<string, Link>();
  const newestFirst = ctx.db
    .query("checkpointFiles")
    .withIndex("by_version", (q) => q.eq("projectId", row.projectId))
    .order("desc");
  let count = 0;
  for await (const link of newestFirst) {
    count += 1;
    if (link.checkpointId !== row._id || count > MOST_LINKS) break;
    if (!found.has(link.path)) found.set(link.path, link);
  }
  return found;
}

/** What a checkpoint with changes of two calls undid; nothing, if one of them did something else. */
function bothUndone(one: Checkpoint["undo"], other: Checkpoint["undo"]): Checkpoint["undo"] {
  if (one === undefined || other === undefined) return undefined;
  return { from: Math.min(one.from, other.from), isPartial: one.isPartial && other.isPartial };
}
