// What models were used for and what that cost, by day: written in the mutation that records what was used.
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { deletionOf } from "./account_guard.ts";
import { find, ownedConversation, ownedProject } from "./access.ts";
import { notFound, refused } from "./errors.ts";
import { only } from "./rows.ts";
import { threadOf } from "./tasks.ts";
import { spent, type usage } from "./validators.ts";

const MICROS = 1_000_000; // of a dollar
const MAX_DAYS = 366;
const MAX_ROWS = 20_000; // what a query may read is 32,000 rows, and the names of projects are read besides
const RECENT_KEYS = 20; // a call that the store did not answer is sent again within seconds
const DAY_MS = 24 * 3_600_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

type Usage = Infer<typeof usage>;
type Spent = Infer<typeof spent>;

export const groupBy = v.union(v.literal("day"), v.literal("model"), v.literal("project"));

/** What was used; `costMicros` is absent where no price is known, `unpriced` counts the requests that it lacks. */
export const used = spent.omit("costMicros").extend({ costMicros: v.optional(v.number()) });

export const usageRange = { from: v.string(), to: v.string(), groupBy };

export const usageSummary = v.object({
  total: used,
  groups: v.array(
    used.extend({
      day: v.optional(v.string()),
      model: v.optional(v.string()),
      projectId: v.optional(v.id("projects")), // absent: of calls that named no project
      projectName: v.optional(v.string()), // absent for one that was deleted
    }),
  ),
});

/** The day of an instant, in UTC. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Counts one request to a model, for its answer and for the day. The caller sees to it that it is counted once. */
export async function countUsage(ctx: MutationCtx, generation: Doc<"generations">, model: string, usage: Usage): Promise<void> {
  const project = await ctx.db.get(generation.projectId);
  if (project === null) return;
  const { messageId, projectId } = generation;
  const conversationId = await threadOf(ctx, generation.conversationId);
  const shared = { ownerId: project.ownerId, projectId, model, day: dayOf(Date.now()) };
  const more = spentOn(usage);
  await addToMessage(ctx, { ...shared, messageId, conversationId }, more);
  const ofDay = await rowOfDay(ctx, shared);
  if (ofDay === null) await ctx.db.insert("usageDays", { ...shared, ...more });
  else await ctx.db.patch(ofDay._id, sum(ofDay, more));
}

/** Counts a request beside answers, for the day; one of a conversation counts with its first message. The same `key` counts once. */
export async function countSmall(
  ctx: MutationCtx,
  call: { ownerId: string; projectId?: string; conversationId?: string; model: string; usage: Usage; key: string },
): Promise<void> {
  const { ownerId, model, key } = call;
  if ((await deletionOf(ctx, ownerId)) !== null) return; // nobody's budget needs it any more
  const conversation = call.conversationId === undefined ? null : await find(ctx, "conversations", call.conversationId);
  const project = await find(ctx, "projects", conversation?.projectId ?? call.projectId ?? "");
  const isTheirs = project !== null && project.ownerId === ownerId; // if not, it is spent all the same
  const shared = { ownerId, projectId: isTheirs ? project._id : undefined, model, day: dayOf(Date.now()) };
  const ofDay = await rowOfDay(ctx, shared);
  const recentKeys = ofDay?.recentKeys ?? [];
  if (recentKeys.includes(key)) return;
  const more = { ...spentOn(call.usage), recentKeys: [...recentKeys.slice(1 - RECENT_KEYS), key] };
  if (ofDay === null) await ctx.db.insert("usageDays", { ...shared, ...more });
  else await ctx.db.patch(ofDay._id, { ...more, ...sum(ofDay, more) });
  const first = conversation && isTheirs && (await firstMessage(ctx, conversation._id));
  if (first) {
    const { _id: messageId, conversationId, projectId } = first;
    await addToMessage(ctx, { ...shared, projectId, messageId, conversationId }, spentOn(call.usage));
  }
}

type Counted = Pick<Doc<"usageRecords">, "ownerId" | "day" | "model">;

async function addToMessage(
  ctx: MutationCtx,
  shared: Counted & Pick<Doc<"usageRecords">, "projectId" | "messageId" | "conversationId">,
  more: Spent,
): Promise<void> {
  const known = await ctx.db
    .query("usageRecords")
    .withIndex("by_message", (q) => q.eq("messageId", shared.messageId).eq("day", shared.day).eq("model", shared.model))
    .unique();
  if (known === null) await ctx.db.insert("usageRecords", { ...shared, ...more });
  else await ctx.db.patch(known._id, sum(known, more));
}

async function rowOfDay(
  ctx: QueryCtx,
  { ownerId, projectId, day, model }: Counted & { projectId?: Id<"projects"> },
): Promise<Doc<"usageDays"> | null> {
  if (projectId !== undefined) {
    return await ctx.db
      .query("usageDays")
      .withIndex("by_project", (q) => q.eq("projectId", projectId).eq("day", day).eq("model", model))
      .unique();
  }
  const ofOwner = ctx.db.query("usageDays").withIndex("by_owner", (q) => q.eq("ownerId", ownerId).eq("day", day));
  for await (const row of ofOwner) if (row.projectId === undefined && row.model === model) return row;
  return null;
}

async function firstMessage(ctx: QueryCtx, conversationId: Id<"conversations">): Promise<Doc<"messages"> | null> {
  return await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversationId))
    .first();
}

/** Counts what an answer says at its end that it took, beyond what was recorded: a summary that was of no use. */
export async function countRest(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  model: string | undefined,
  all: Usage | undefined,
): Promise<void> {
  if (all === undefined) return;
  const known = generation.usage;
  const less = (name: "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens") =>
    Math.max(0, all[name] - (known?.[name] ?? 0));
  const rest: Usage = {
    inputTokens: less("inputTokens"),
    outputTokens: less("outputTokens"),
    cacheReadTokens: less("cacheReadTokens"),
    cacheWriteTokens: less("cacheWriteTokens"),
    costUsd: all.costUsd === undefined ? undefined : Math.max(0, all.costUsd - (known?.costUsd ?? 0)),
  };
  const tokens = rest.inputTokens + rest.outputTokens + rest.cacheReadTokens + rest.cacheWriteTokens;
  if (tokens > 0) await countUsage(ctx, generation, model ?? "unknown", rest);
}

interface Scope {
  ownerId: string;
  projectId?: Id<"projects">;
  conversationId?: Id<"conversations">;
}

/** What is asked about, by ids from outside: a conversation, a project, or all that is the person's. Throws `not_found`. */
export async function ownedScope(
  ctx: QueryCtx,
  { ownerId, projectId, conversationId }: { ownerId: string; projectId?: string; conversationId?: string },
): Promise<Scope> {
  const scope: Scope = { ownerId };
  if (projectId !== undefined) scope.projectId = (await ownedProject(ctx, ownerId, projectId))._id;
  if (conversationId !== undefined) {
    const { conversation } = await ownedConversation(ctx, ownerId, conversationId);
    if (scope.projectId !== undefined && scope.projectId !== conversation.projectId) throw notFound("Conversation not found");
    scope.conversationId = conversation._id;
  }
  return scope;
}

/** What a person has used from one day to another, both included. Throws `bad_range`, `too_many`. */
export async function usageOf(
  ctx: QueryCtx,
  scope: Scope,
  { from, to, groupBy: by }: { from: string; to: string; groupBy: Infer<typeof groupBy> },
): Promise<Infer<typeof usageSummary>> {
  checkRange(from, to);
  const rows = await rowsOf(ctx, scope, from, to);
  const groups = new Map<string, Spent & Pick<(typeof rows)[number], "projectId">>();
  let total: Spent | undefined;
  for (const row of rows) {
    const key = by === "project" ? (row.projectId ?? "") : row[by];
    groups.set(key, { ...sum(groups.get(key), row), projectId: row.projectId });
    total = sum(total, row);
  }
  return {
    total: shown(total ?? nothing()),
    groups: await Promise.all(
      sorted([...groups], by).map(async ([key, group]) => ({
        ...shown(group),
        ...(by === "project" ? await named(ctx, group.projectId) : { [by]: key }),
      })),
    ),
  };
}

/** What all answers of a conversation have taken. */
export async function allOf(ctx: QueryCtx, conversationId: Id<"conversations">): Promise<Infer<typeof used>> {
  const rows = await ctx.db
    .query("usageRecords")
    .withIndex("by_conversation", (q) => q.eq("conversationId", conversationId))
    .take(MAX_ROWS);
  return shown(rows.reduce(sum, nothing()));
}

async function rowsOf(
  ctx: QueryCtx,
  { ownerId, projectId, conversationId }: Scope,
  from: string,
  to: string,
): Promise<(Doc<"usageDays"> | Doc<"usageRecords">)[]> {
  const query =
    conversationId !== undefined
      ? ctx.db
          .query("usageRecords")
          .withIndex("by_conversation", (q) => q.eq("conversationId", conversationId).gte("day", from).lte("day", to))
      : projectId !== undefined
        ? ctx.db.query("usageDays").withIndex("by_project", (q) => q.eq("projectId", projectId).gte("day", from).lte("day", to))
        : ctx.db.query("usageDays").withIndex("by_owner", (q) => q.eq("ownerId", ownerId).gte("day", from).lte("day", to));
  const rows = await query.take(MAX_ROWS + 1);
  if (rows.length > MAX_ROWS) throw refused("too_many", "That is more than one summary can hold; ask for fewer days, or for one project");
  return rows;
}

async function named(ctx: QueryCtx, projectId: Id<"projects"> | undefined): Promise<{ projectId?: Id<"projects">; projectName?: string }> {
  if (projectId === undefined) return {};
  const project = await ctx.db.get(projectId);
  return { projectId, projectName: project?.deletedAt === undefined ? project?.name : undefined };
}

/** Days as they follow each other; models and projects by what they took, the most first. */
function sorted<Group extends Spent>(groups: [string, Group][], by: Infer<typeof groupBy>): [string, Group][] {
  if (by === "day") return groups.sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.sort(([, a], [, b]) => b.costMicros - a.costMicros || b.outputTokens - a.outputTokens);
}

function checkRange(from: string, to: string): void {
  for (const day of [from, to]) {
    const at = DAY.test(day) ? Date.parse(day) : Number.NaN;
    if (Number.isNaN(at) || dayOf(at) !== day) throw refused("bad_range", "A day is YYYY-MM-DD, such as 2026-11-28");
  }
  if (from > to) throw refused("bad_range", "The first day must not be after the last");
  if ((Date.parse(to) - Date.parse(from)) / DAY_MS >= MAX_DAYS) throw refused("bad_range", `A summary spans at most ${MAX_DAYS} days`);
}

function spentOn({ costUsd, ...tokens }: Usage): Spent {
  const costMicros = costUsd === undefined ? 0 : Math.round(costUsd * MICROS);
  return { ...tokens, requests: 1, unpriced: costUsd === undefined ? 1 : 0, costMicros };
}

function nothing(): Spent {
  return { requests: 0, unpriced: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, costMicros: 0 };
}

function sum(before: Spent | undefined, more: Spent): Spent {
  const all = nothing();
  for (const name of Object.keys(all) as (keyof Spent)[]) all[name] = (before?.[name] ?? 0) + more[name];
  return all;
}

function shown(group: Spent): Infer<typeof used> {
  const costMicros = group.unpriced < group.requests || group.requests === 0 ? group.costMicros : undefined;
  return { ...only(spent, group), costMicros };
}
