// Makes files what a plan says: first what must go, then what must be there. What stands in the way stays.
import { ConvexError } from "convex/values";
import { type Changes, contentFromText, folderAt, isEmpty, type NewContent as Content, removeEntry, writeFile } from "../files.ts";
import { contentOf } from "./kept.ts";
import type { Plan } from "./planning.ts";
import { isSame, sideOf } from "./sides.ts";

/** How it went, for each path of a plan. `blocked`: something that may yet go was in the way. */
export interface Done {
  path: string;
  how: "restored" | "merged" | "unchanged" | "conflict" | "blocked";
  reason?: string;
}

export async function applied(changes: Changes, plans: Plan[]): Promise<Done[]> {
  const done: Done[] = [];
  const open: Plan[] = [];
  for (const plan of plans) {
    if (plan.problem !== undefined) done.push({ path: plan.path, how: "conflict", reason: plan.problem });
    else if (isThere(plan)) done.push({ path: plan.path, how: "unchanged" });
    else open.push(plan);
  }
  const contents = new Map<Plan, Content | null>(); // read first: a file that goes may be the one that holds it
  for (const plan of open) if (plan.target?.type === "file") contents.set(plan, await contentFor(changes, plan));
  const failed = new Set<Plan>();
  for (const plan of inOrderOfRemoval(open)) {
    const { now, path } = plan;
    if (now === null || now.type === plan.target?.type) continue;
    if (now.type === "folder" && !(await isEmpty(changes.ctx, now))) {
      failed.add(plan);
      done.push({ path, how: "blocked", reason: "the folder holds something else by now" });
    } else {
      await removeEntry(changes, now);
    }
  }
  for (const plan of inOrderOfMaking(open)) {
    if (!failed.has(plan)) done.push(await put(changes, plan, contents.get(plan) ?? null));
  }
  return done;
}

/** Whether the path is what it is to become. */
export function isThere({ now, target, text }: Plan): boolean {
  if (text !== undefined) return false;
  return isSame(now === null ? undefined : sideOf(now), target);
}

/** What the file is to hold; null: it is not kept any more. */
async function contentFor({ ctx, project }: Changes, { now, target, text }: Plan): Promise<Content | null> {
  if (text !== undefined) return { ...(await contentFromText(text)), mode: now?.mode ?? "regular" };
  const content = target === undefined ? null : await contentOf(ctx, project._id, target);
  if (content === null || (content.text === undefined) === (content.storageId === undefined)) return null;
  return { ...content, mode: target?.mode ?? "regular" };
}

async function put(changes: Changes, plan: Plan, content: Content | null): Promise<Done> {
  const { path, target, text, isMoved } = plan;
  if (target === undefined) return { path, how: "restored" };
  try {
    if (target.type === "folder") {
      await folderAt(changes, path);
      return { path, how: "restored" };
    }
    if (content === null) return { path, how: "conflict", reason: "what it held before is not kept any more" };
    const standing = plan.now?.type === "file" ? plan.now : null;
    const row = await writeFile(changes, path, content, standing?.sha256 ?? "");
    if (standing !== null && isSame(sideOf(row), sideOf(standing))) return { path, how: "unchanged" };
    return { path, how: text === undefined && isMoved !== true ? "restored" : "merged" };
  } catch (error) {
    if (!(error instanceof ConvexError)) throw error;
    return { path, how: "blocked", reason: messageOf(error) };
  }
}

function messageOf(refusal: { data: unknown }): string {
  return String((refusal.data as { message?: unknown }).message);
}

/** Files, then folders, what is deepest first. */
function inOrderOfRemoval(plans: Plan[]): Plan[] {
  const rank = ({ now }: Plan) => (now?.type === "folder" ? 1 : 0);
  return plans.toSorted((a, b) => rank(a) - rank(b) || b.path.split("/").length - a.path.split("/").length);
}

/** Folders, then files, what is highest first. */
function inOrderOfMaking(plans: Plan[]): Plan[] {
  const rank = ({ target }: Plan) => (target?.type === "folder" ? 0 : 1);
  return plans.toSorted((a, b) => rank(a) - rank(b) || a.path.split("/").length - b.path.split("/").length);
}
