// Files, for the signed-in person.
import { paginationOptsValidator, paginationResultValidator } from "convex/server";
import { type Infer, v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, type MutationCtx, mutation, type QueryCtx, query } from "./_generated/server";
import { callerId, ownedFile, ownedProject } from "./model/access.ts";
import { fileDoc, pathDoc, toFileDoc, toPathDoc } from "./model/docs.ts";
import { conflict, notFound, refused } from "./model/errors.ts";
import { entriesOf, wayTo, wholeFolder } from "./model/folders.ts";
import { Changes, contentFromText, fileAt, folderAt, moveTree, removeTree, writeFile } from "./model/files.ts";
import { saveText } from "./model/saving.ts";
import { checkedName, parentOf } from "./model/paths.ts";
import { textOf } from "./model/texts.ts";

const MOST_FILES = 2_000;
const MOST_BYTES = 8_000_000; // of text in one answer; an answer holds 16 MiB

/** Every file with its text. Refused for a project over 2,000 files or 8 MB: read that with `list`. */
export const getFiles = query({
  args: { projectId: v.id("projects") },
  returns: v.array(fileDoc),
  handler: async (ctx, { projectId }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const rows = await ctx.db
      .query("files")
      .withIndex("by_path", (q) => q.eq("projectId", project._id))
      .take(MOST_FILES + 1);
    let bytes = 0;
    for (const row of rows) if (row.storageId === undefined) bytes += row.size;
    if (rows.length > MOST_FILES || bytes > MOST_BYTES) {
      throw refused("too_many", "This project is too large to be read at once; use files.list");
    }
    return await Promise.all(rows.map((row) => withContent(ctx, row)));
  },
});

/** Files by path, in pages, with their text. */
export const list = query({
  args: { projectId: v.id("projects"), paginationOpts: paginationOptsValidator },
  returns: paginationResultValidator(fileDoc),
  handler: async (ctx, { projectId, paginationOpts }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const page = await ctx.db
      .query("files")
      .withIndex("by_path", (q) => q.eq("projectId", project._id))
      .paginate({ ...paginationOpts, numItems: Math.min(paginationOpts.numItems, 10) });
    return { ...page, page: await Promise.all(page.page.map((row) => withContent(ctx, row))) };
  },
});

/** Where all files and folders stand, by path, in pages of at most 1,000. A change of content sends no page anew. */
export const paths = query({
  args: { projectId: v.id("projects"), paginationOpts: paginationOptsValidator },
  returns: paginationResultValidator(pathDoc),
  handler: async (ctx, { projectId, paginationOpts }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const page = await ctx.db
      .query("files")
      .withIndex("by_path", (q) => q.eq("projectId", project._id))
      .paginate({ ...paginationOpts, numItems: Math.min(paginationOpts.numItems, 1_000) });
    return { ...page, page: page.page.map(toPathDoc) };
  },
});

/** The file at a path, with its text; null: none is there now. */
export const byPath = query({
  args: { projectId: v.id("projects"), path: v.string() },
  returns: v.union(fileDoc, v.null()),
  handler: async (ctx, { projectId, path }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const row = await fileAt(ctx, project._id, path);
    return row && (await withContent(ctx, row));
  },
});

export const getFile = query({
  args: { id: v.id("files") },
  returns: fileDoc,
  handler: async (ctx, { id }) => {
    const { file } = await ownedFile(ctx, await callerId(ctx), id);
    return await withContent(ctx, file);
  },
});

/** The folders around a file and the file itself, root first. */
export const getFilePath = query({
  args: { id: v.id("files") },
  returns: v.array(v.object({ _id: v.id("files"), name: v.string() })),
  handler: async (ctx, { id }) => {
    const { file } = await ownedFile(ctx, await callerId(ctx), id);
    return (await wayTo(ctx, file)).map(({ _id, name }) => ({ _id, name }));
  },
});

/** What stands directly in a folder (or at the root): folders first, then by name; without text. All of it: refused for
 *  a folder of more than 8,000 entries; read that with `listFolder`. */
export const getFolderContents = query({
  args: { projectId: v.id("projects"), parentId: v.optional(v.id("files")) },
  returns: v.array(fileDoc),
  handler: async (ctx, { projectId, parentId }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    return (await wholeFolder(ctx, project, parentId)).map((row) => toFileDoc(row));
  },
});

/** The same in pages, by name. */
export const listFolder = query({
  args: {
    projectId: v.id("projects"),
    parentId: v.optional(v.id("files")),
    paginationOpts: paginationOptsValidator,
  },
  returns: paginationResultValidator(fileDoc),
  handler: async (ctx, { projectId, parentId, paginationOpts }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    const numItems = Math.min(paginationOpts.numItems, 1_000);
    const page = await entriesOf(ctx, project, parentId).paginate({ ...paginationOpts, numItems });
    return { ...page, page: page.page.map((row) => toFileDoc(row)) };
  },
});

export const createFile = mutation({
  args: {
    projectId: v.id("projects"),
    parentId: v.optional(v.id("files")),
    name: v.string(),
    content: v.string(),
  },
  returns: v.null(),
  handler: async (ctx, { content, ...where }) => {
    const { changes, path } = await newEntry(ctx, where, "File already exists");
    await writeFile(changes, path, await contentFromText(content));
    await changes.close();
    return null;
  },
});

export const createFolder = mutation({
  args: { projectId: v.id("projects"), parentId: v.optional(v.id("files")), name: v.string() },
  returns: v.null(),
  handler: async (ctx, where) => {
    const { changes, path } = await newEntry(ctx, where, "Folder already exists");
    await folderAt(changes, path);
    await changes.close();
    return null;
  },
});

export const renameFile = mutation({
  args: { id: v.id("files"), newName: v.string() },
  returns: v.null(),
  handler: async (ctx, { id, newName }) => {
    const { file, project } = await ownedFile(ctx, await callerId(ctx), id);
    const changes = new Changes(ctx, project);
    await moveTree(changes, file.path, join(parentOf(file.path), checkedName(newName)));
    await changes.close();
    return null;
  },
});

/** Deletes a file, or a folder with all that is in it: a large one in batches, the folder itself last. */
export const deleteFile = mutation({
  args: { id: v.id("files") },
  returns: v.null(),
  handler: async (ctx, { id }) => {
    const { file, project } = await ownedFile(ctx, await callerId(ctx), id);
    await removeBatch(ctx, file, project);
    return null;
  },
});

export const removeRest = internalMutation({
  args: { id: v.id("files") },
  returns: v.null(),
  handler: async (ctx, { id }): Promise<null> => {
    const file = await ctx.db.get(id);
    const project = file && (await ctx.db.get(file.projectId));
    if (file && project) await removeBatch(ctx, file, project);
    return null;
  },
});

/**
 * Saves what an editor shows. With `expectedSha256`, of the text that it has read, another text is not overwritten. Without it what
 * others have written since is kept (model/saving.ts); `sha256` tells whether the file is what was sent.
 */
export const updateFile = mutation({
  args: { id: v.id("files"), content: v.string(), expectedSha256: v.optional(v.string()) },
  returns: fileDoc.pick("sha256", "version"),
  handler: async (ctx, { id, content, expectedSha256 }) => {
    const { file, project } = await ownedFile(ctx, await callerId(ctx), id);
    const changes = new Changes(ctx, project);
    const { sha256, version } = await saveText(changes, file, content, expectedSha256);
    await changes.close();
    return { sha256, version };
  },
});

async function withContent(ctx: QueryCtx, row: Doc<"files">): Promise<Infer<typeof fileDoc>> {
  if (row.type === "folder") return toFileDoc(row);
  if (row.storageId === undefined) return toFileDoc(row, (await textOf(ctx, row)) ?? "");
  return { ...toFileDoc(row), storageUrl: await ctx.storage.getUrl(row.storageId) };
}

interface Place {
  projectId: Id<"projects">;
  parentId?: Id<"files">;
  name: string;
}

/** Where a new entry goes, after the checks that both kinds share. */
async function newEntry(
  ctx: MutationCtx,
  { projectId, parentId, name }: Place,
  taken: string,
): Promise<{ changes: Changes; path: string }> {
  const project = await ownedProject(ctx, await callerId(ctx), projectId);
  const checked = checkedName(name);
  const parent = parentId === undefined ? null : await ctx.db.get(parentId);
  if (parentId !== undefined && (parent?.projectId !== project._id || parent.type !== "folder")) {
    throw notFound("File not found");
  }
  const path = join(parent?.path ?? "", checked);
  if ((await fileAt(ctx, project._id, path)) !== null) throw conflict("already_exists", taken);
  return { changes: new Changes(ctx, project), path };
}

async function removeBatch(ctx: MutationCtx, file: Doc<"files">, project: Doc<"projects">): Promise<void> {
  const changes = new Changes(ctx, project);
  if (await removeTree(changes, file)) {
    await ctx.scheduler.runAfter(0, internal.files.removeRest, { id: file._id });
  }
  await changes.close();
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
