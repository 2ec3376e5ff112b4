// Files by path, for the API and for workspaces.
import { v } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { ownedProject } from "../model/access.ts";
import { conflict, notFound, refused } from "../model/errors.ts";
import { Changes, fileAt, folderAt, moveTree, removeTree, writeFile } from "../model/files.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { composed } from "../model/paths.ts";
import { fileRecord, toFile } from "../model/records.ts";
import { textOf } from "../model/texts.ts";
import { newContent, pageOf } from "../model/validators.ts";

const READ_BYTES = 4_000_000; // of text in one answer: a result may be 16 MiB
const WRITE_FILES = 200;

const owned = { ownerId: v.string(), projectId: v.string() };
const at = { ...owned, path: v.string() };
const newFile = newContent.extend({ path: v.string() });
const content = v.object({
  entry: fileRecord,
  text: v.optional(v.string()),
  url: v.optional(v.string()), // where the bytes are, when they are a blob
});

export const list = systemQuery({
  args: { ...owned, limit: v.number(), cursor: v.optional(v.string()) },
  returns: pageOf(fileRecord),
  handler: async (ctx, { ownerId, projectId, limit, cursor }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const page = await ctx.db
      .query("files")
      .withIndex("by_path", (q) => q.eq("projectId", project._id))
      .paginate({ numItems: Math.max(1, Math.min(limit, 1_000)), cursor: cursor ?? null });
    const nextCursor = page.isDone ? null : page.continueCursor;
    return { items: page.page.map(toFile), nextCursor };
  },
});

export const stat = systemQuery({
  args: at,
  returns: fileRecord,
  handler: async (ctx, { ownerId, projectId, path }) => toFile(await existing(ctx, await ownedProject(ctx, ownerId, projectId), path)),
});

export const read = systemQuery({
  args: at,
  returns: content,
  handler: async (ctx, { ownerId, projectId, path }) => {
    const file = await existing(ctx, await ownedProject(ctx, ownerId, projectId), path);
    if (file.type === "folder") throw conflict("is_a_folder", `"${path}" is a folder`);
    return await contentOf(ctx, file);
  },
});

/** As many of the files as fit; `seen` says how many of the paths were looked at. */
export const readMany = systemQuery({
  args: { ...owned, paths: v.array(v.string()) },
  returns: v.object({ files: v.array(content), seen: v.number() }),
  handler: async (ctx, { ownerId, projectId, paths }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const files = [];
    let seen = 0;
    let bytes = 0;
    for (const path of paths.slice(0, WRITE_FILES)) {
      const file = await fileAt(ctx, project._id, path);
      if (bytes > 0 && bytes + (file?.size ?? 0) > READ_BYTES) break;
      seen += 1;
      if (file?.type !== "file") continue;
      if (file.storageId === undefined) bytes += file.size;
      files.push(await contentOf(ctx, file));
    }
    return { files, seen };
  },
});

export const write = systemMutation({
  args: { ...owned, file: newFile, expectedSha256: v.optional(v.string()) },
  returns: fileRecord,
  handler: async (ctx, { ownerId, projectId, file, expectedSha256 }) => {
    const changes = new Changes(ctx, await ownedProject(ctx, ownerId, projectId));
    const row = await writeFile(changes, file.path, file, expectedSha256);
    await changes.close();
    return toFile(row);
  },
});

export const writeMany = systemMutation({
  args: { ...owned, files: v.array(newFile) },
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId, files }) => {
    if (files.length > WRITE_FILES) {
      throw refused("too_many", `At most ${WRITE_FILES} files can be written at once`);
    }
    refuseTwins(files.map((file) => file.path));
    const changes = new Changes(ctx, await ownedProject(ctx, ownerId, projectId));
    for (const file of files) await writeFile(changes, file.path, file);
    await changes.close();
    return null;
  },
});

export const makeFolder = systemMutation({
  args: at,
  returns: fileRecord,
  handler: async (ctx, { ownerId, projectId, path }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const changes = new Changes(ctx, project);
    const folder = await folderAt(changes, path);
    if (folder === null) throw refused("bad_path", "A name must not be empty");
    await changes.close();
    return toFile(folder);
  },
});

export const remove = systemMutation({
  args: at,
  returns: v.object({ wasThere: v.boolean(), hasMore: v.boolean() }),
  handler: async (ctx, { ownerId, projectId, path }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const file = await fileAt(ctx, project._id, path);
    if (file === null) return { wasThere: false, hasMore: false };
    const changes = new Changes(ctx, project);
    const hasMore = await removeTree(changes, file);
    await changes.close();
    return { wasThere: true, hasMore };
  },
});

export const rename = systemMutation({
  args: { ...at, newPath: v.string() },
  returns: fileRecord,
  handler: async (ctx, { ownerId, projectId, path, newPath }) => {
    const changes = new Changes(ctx, await ownedProject(ctx, ownerId, projectId));
    const row = await moveTree(changes, path, newPath);
    await changes.close();
    return toFile(row);
  },
});

/** What changed after a version, in order; see FileChanges in store/records/files.py. */
export const changes = systemQuery({
  args: { ...owned, since: v.number(), limit: v.number() },
  returns: v.object({
    version: v.number(),
    changed: v.array(fileRecord),
    deleted: v.array(v.string()),
    hasMore: v.boolean(),
    isFull: v.boolean(),
  }),
  handler: async (ctx, { ownerId, projectId, since, limit }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const version = project.filesVersion;
    if (since <= 0 || since < project.tombstoneFloor) {
      // Deletions are not known that far back: the caller lists everything, and goes on from here.
      return { version, changed: [], deleted: [], hasMore: false, isFull: true };
    }
    const most = Math.max(1, Math.min(limit, 1_000));
    const files = await ctx.db
      .query("files")
      .withIndex("by_version", (q) => q.eq("projectId", project._id).gt("version", since))
      .take(most);
    const graves = await ctx.db
      .query("fileTombstones")
      .withIndex("by_version", (q) => q.eq("projectId", project._id).gt("version", since))
      .take(most);
    const inOrder = [...files, ...graves].sort((a, b) => a.version - b.version).slice(0, most);
    const last = inOrder.at(-1)?.version ?? version;
    const deleted = new Set<string>();
    for (const grave of graves.filter((row) => row.version <= last)) {
      if ((await fileAt(ctx, project._id, grave.path)) === null) deleted.add(grave.path);
    }
    const hasMore = inOrder.length === most && last < version;
    return {
      version: hasMore ? last : version,
      changed: files.filter((row) => row.version <= last).map(toFile),
      deleted: [...deleted],
      hasMore,
      isFull: false,
    };
  },
});

export const uploadUrl = systemMutation({
  args: {},
  returns: v.string(),
  handler: async (ctx) => await ctx.storage.generateUploadUrl(),
});

/** As many as there are blobs of one batch. */
export const uploadUrls = systemMutation({
  args: { count: v.number() },
  returns: v.array(v.string()),
  handler: async (ctx, { count }) => {
    if (count > WRITE_FILES) throw refused("too_many", `At most ${WRITE_FILES} blobs can be uploaded at once`);
    const urls = [];
    for (let number = 0; number < count; number++) urls.push(await ctx.storage.generateUploadUrl());
    return urls;
  },
});

/** Two spellings of one name in one import would overwrite each other, and nobody would know. */
function refuseTwins(paths: string[]): void {
  const spelled = new Map<string, string>();
  for (const path of paths) {
    const known = spelled.get(composed(path));
    if (known !== undefined && known !== path) {
      throw conflict("same_name", `"${composed(path)}" is there twice, in two spellings of the same name (NFC and NFD)`);
    }
    spelled.set(composed(path), path);
  }
}

async function existing(ctx: QueryCtx, project: Doc<"projects">, path: string): Promise<Doc<"files">> {
  const file = await fileAt(ctx, project._id, path);
  if (file === null) throw notFound("File not found");
  return file;
}

async function contentOf(ctx: QueryCtx, file: Doc<"files">) {
  const entry = toFile(file);
  if (file.storageId !== undefined) return { entry, url: await urlOf(ctx, file.storageId) };
  return { entry, text: (await textOf(ctx, file)) ?? "" };
}

async function urlOf(ctx: QueryCtx, storageId: Id<"_storage">): Promise<string> {
  const url = await ctx.storage.getUrl(storageId);
  if (url === null) throw new Error("a file names a blob that is gone");
  return url;
}
