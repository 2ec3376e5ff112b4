// Where files stand, by id: what a folder holds, and the way to an entry.
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { wholeList } from "./lists.ts";

/** What stands directly in a folder (or at the root), by name. */
export function entriesOf(ctx: QueryCtx, project: Doc<"projects">, parentId: Id<"files"> | undefined) {
  return ctx.db.query("files").withIndex("by_parent", (q) => q.eq("projectId", project._id).eq("parentId", parentId));
}

/** All of it, folders first, then by name. Refused for more than 8,000 entries. */
export async function wholeFolder(ctx: QueryCtx, project: Doc<"projects">, parentId: Id<"files"> | undefined): Promise<Doc<"files">[]> {
  const rows = await wholeList(entriesOf(ctx, project, parentId), "files.listFolder");
  return rows.sort((a, b) => (a.type === b.type ? a.name.localeCompare(b.name) : a.type === "folder" ? -1 : 1));
}

/** The folders around an entry and the entry itself, root first. */
export async function wayTo(ctx: QueryCtx, file: Doc<"files">): Promise<Doc<"files">[]> {
  const way = [file];
  let parentId = file.parentId;
  while (parentId !== undefined) {
    const parent: Doc<"files"> | null = await ctx.db.get(parentId);
    if (parent === null) break;
    way.unshift(parent);
    parentId = parent.parentId;
  }
  return way;
}
