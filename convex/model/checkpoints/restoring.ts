// Brings files back to what they were before a checkpoint: what it and all later checkpoints changed is undone. One that
// is small is made in one mutation; a larger one in several, each of which merges with what it finds, until it is done.
import type { Infer } from "convex/values";
import type { Doc } from "../../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../../_generated/server";
import { conflict, notFound } from "../errors.ts";
import { find } from "../access.ts";
import { Changes } from "../files.ts";
import type { restoreOutcome } from "../validators.ts";
import { applied, type Done, isThere } from "./applying.ts";
import { Budget, changesOf, type Plan, planned } from "./planning.ts";
import { begin, Recording } from "./recording.ts";

const MOST_PATHS = 250; // in a mutation: a dozen of the 4,096 queries that it may make for each
const MOST_TEXT_BYTES = 4_000_000; // read in a mutation; what is read and written may be 16 MiB
const PAGE = 200;
const MOST_PASSES = 4; // one path may be in the way of another
const MOST_TOLD = 1_000; // paths of an outcome, and
const MOST_TOLD_CHARS = 200_000; // characters of them

type Checkpoint = Doc<"checkpoints">;
type Outcome = Infer<typeof restoreOutcome>;
type Progress = NonNullable<Checkpoint["restoring"]>;

/** Goes on with a restore, or begins it; call again while the row it gives has `restoring`. The same key: the same. */
export async function restore(ctx: MutationCtx, project: Doc<"projects">, checkpointId: string, externalId: string): Promise<Checkpoint> {
  const known = await ctx.db
    .query("checkpoints")
    .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
    .first();
  const asked = await find(ctx, "checkpoints", checkpointId);
  if (known !== null && asked !== null && known.undo?.from !== asked.firstVersion) {
    throw conflict("idempotency_key_reused", "This idempotency key was used for another restore");
  }
  if (known !== null && known.restoring === undefined) return known;
  await refuseWhileAnswering(ctx, project);
  const row = known ?? (await beginRestore(ctx, project, checkpointId, externalId));
  const { undo, restoring, outcome } = row;
  if (undo === undefined || restoring === undefined || outcome === undefined) throw new Error("no row of a restore");
  const recording = new Recording(row, { kind: "restore", undo });
  const changes = new Changes(ctx, project, recording);
  const work = new Work(changes, { recording, from: undo.from, restoring, outcome, row });
  const isDone = await work.go();
  await changes.close();
  await ctx.db.patch(row._id, { outcome, restoring: isDone ? undefined : restoring, updatedAt: Date.now() });
  return (await ctx.db.get(row._id)) ?? row;
}

async function beginRestore(ctx: MutationCtx, project: Doc<"projects">, checkpointId: string, externalId: string): Promise<Checkpoint> {
  const { firstVersion: from } = await checkpointOf(ctx, project, checkpointId);
  return await begin(ctx, project, {
    kind: "restore",
    externalId,
    undo: { from, isPartial: false },
    restoring: { pass: 1, after: from - 1, upTo: project.filesVersion, passFrom: project.filesVersion, hasMoved: false, isBlocked: false },
    outcome: { restored: [], merged: [], conflicts: [], unchanged: [], notTold: 0 },
  });
}

export async function checkpointOf(ctx: QueryCtx, project: Doc<"projects">, checkpointId: string): Promise<Checkpoint> {
  const row = await find(ctx, "checkpoints", checkpointId);
  if (row?.projectId !== project._id) throw notFound("Checkpoint not found");
  return row;
}

async function refuseWhileAnswering(ctx: MutationCtx, project: Doc<"projects">): Promise<void> {
  const running = await ctx.db
    .query("generations")
    .withIndex("by_project_status", (q) => q.eq("projectId", project._id).eq("status", "processing"))
    .first();
  if (running === null) return;
  const message = "An answer is being written in this project; cancel it or wait, then restore";
  throw conflict("message_in_progress", message, { messageId: running.messageId });
}

/** One mutation's part of a restore. */
class Work {
  private readonly changes: Changes;
  private readonly recording: Recording;
  private readonly from: number;
  private readonly restoring: Progress;
  private readonly outcome: Outcome;
  private readonly row: Checkpoint;
  private readonly budget = new Budget(MOST_TEXT_BYTES);
  private paths = 0;
  private chars = 0; // of the paths that are told

  constructor(changes: Changes, given: { recording: Recording; from: number; restoring: Progress; outcome: Outcome; row: Checkpoint }) {
    this.changes = changes;
    this.recording = given.recording;
    this.from = given.from;
    this.restoring = given.restoring;
    this.outcome = given.outcome;
    this.row = given.row;
    this.chars = JSON.stringify(this.outcome).length;
  }

  /** True when nothing is left to do. */
  async go(): Promise<boolean> {
    while (this.paths < MOST_PATHS && !this.budget.isSpent) {
      const { plans, isEnd } = await this.nextPlans();
      const done = await applied(this.changes, plans);
      this.restoring.hasMoved ||= done.some(({ how }) => how === "restored" || how === "merged");
      this.tell(done);
      await this.changes.record(); // the next plans go by what is recorded
      if (isEnd && !this.nextPass()) return true;
    }
    return false;
  }

  /** Plans for the paths whose first change comes next. */
  private async nextPlans(): Promise<{ plans: Plan[]; isEnd: boolean }> {
    const { ctx, project } = this.changes;
    const { restoring } = this;
    const links = await ctx.db
      .query("checkpointFiles")
      .withIndex("by_version", (q) => q.eq("projectId", project._id).gt("version", restoring.after).lte("version", restoring.upTo))
      .take(PAGE);
    const plans: Plan[] = [];
    for (const link of links) {
      restoring.after = link.version;
      this.paths += 1;
      const own = await changesOf(ctx, project._id, link.path, this.from);
      if (own === null) {
        this.tell([{ path: link.path, how: "conflict", reason: "it was changed too often" }]);
      } else if (own.at(-1)?._id === link._id) {
        const others = async (path: string) => (await changesOf(ctx, project._id, path, this.from)) ?? [];
        const plan = await planned(ctx, project._id, link.path, own, this.budget, others);
        if (!isThere(plan)) this.budget.bytes -= (plan.target?.size ?? 0) + (plan.now?.size ?? 0); // it will be read
        if (own[0]?.checkpointId !== this.row._id || !isThere(plan)) plans.push(plan);
        else if (own[0].version > restoring.passFrom) this.tell([{ path: link.path, how: "restored" }]); // with another of this pass
      }
      if (this.budget.isSpent || this.paths >= MOST_PATHS) return { plans, isEnd: false };
    }
    return { plans, isEnd: links.length < PAGE };
  }

  /** Begins anew where something was in the way and something has gone; what it tells counts. */
  private nextPass(): boolean {
    const { restoring, outcome } = this;
    if (!restoring.isBlocked || !restoring.hasMoved || restoring.pass >= MOST_PASSES) return false;
    const passFrom = this.recording.lastVersion(this.changes.project);
    Object.assign(restoring, { pass: restoring.pass + 1, passFrom, after: this.from - 1, hasMoved: false, isBlocked: false });
    Object.assign(outcome, { conflicts: [], unchanged: [] });
    return true;
  }

  private tell(all: Done[]): void {
    const { outcome, restoring } = this;
    const { restored, merged } = outcome;
    for (const { path, how, reason = "" } of all) {
      if (how === "blocked") restoring.isBlocked = true;
      if (restored.includes(path) || merged.includes(path)) continue;
      const told = restored.length + merged.length + outcome.conflicts.length + outcome.unchanged.length;
      this.chars += path.length + reason.length;
      if (told >= MOST_TOLD || this.chars > MOST_TOLD_CHARS) outcome.notTold += 1;
      else if (how === "blocked" || how === "conflict") outcome.conflicts.push({ path, reason });
      else outcome[how].push(path);
    }
  }
}
