// Files of a project: look up, write, move, delete. Every change gets the next version of its project.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { dropBase, keepBase } from "./bases.ts";
import { freeBlob, keepOrFree, type Loose, release } from "./checkpoints/kept.ts";
import type { Recording } from "./checkpoints/recording.ts";
import { type Side, sideOf } from "./checkpoints/sides.ts";
import { conflict, notFound, refused } from "./errors.ts";
import { checkedPath, checkedTarget, checkLimits, composed, nameOf, parentOf, spellings } from "./paths.ts";
import { countBytes } from "./storage_use.ts";
import { addText, putText } from "./texts.ts";
import type { newContent } from "./validators.ts";

export const MAX_TEXT_BYTES = 900_000; // a document holds 1 MiB
const REMOVE_BATCH = 500;
const MAX_MOVE = 3_000; // two writes an entry, of the 16,000 that a mutation may make

export type NewContent = Infer<typeof newContent>;

/**
 * The changes of one mutation to one project; `close` writes the project once. With a recording they can be undone; and
 * whoever makes them, what a file lets go of is kept while a checkpoint names it.
 */
export class Changes {
  readonly ctx: MutationCtx;
  readonly project: Doc<"projects">;
  readonly at = Date.now();
  isEditors = false; // whoever has a file open in another editor may save over what others write
  private readonly recording: Recording | null;
  private readonly texts = new Map<string, string>(); // of this mutation, by hash
  /** Folders that were found or made so far, by path: many files of one mutation are in the same. */
  readonly folders = new Map<string, Doc<"files">>();
  private loose: Loose[] = [];
  private addedBytes = 0;
  private version: number;

  constructor(ctx: MutationCtx, project: Doc<"projects">, recording: Recording | null = null) {
    this.ctx = ctx;
    this.project = project;
    this.recording = recording;
    this.version = project.filesVersion;
  }

  next(): number {
    this.version += 1;
    return this.version;
  }

  /** The files take so much more than before, or less. */
  grow(bytes: number): void {
    this.addedBytes += bytes;
  }

  /** At `path` stands `after` instead of `before`; `text` is that of `after`. */
  note(path: string, before: Side | undefined, after: Side | undefined, text?: string): void {
    this.recording?.note(path, before, after);
    if (text !== undefined && after?.sha256 !== undefined) this.texts.set(after.sha256, text);
  }

  noteMove(from: string, to: string, side: Side): void {
    this.recording?.noteMove(from, to, side);
  }

  /** The file does not hold these bytes any more; `text` are they, unless they are a blob. */
  letGo(file: Doc<"files">, text: string | undefined): void {
    if (file.sha256 === undefined) return;
    this.loose.push({ sha256: file.sha256, size: file.size, text, storageId: file.storageId });
    if (text !== undefined) this.texts.set(file.sha256, text);
  }

  /** Keeps what was recorded so far, with the contents that it names. */
  async record(): Promise<void> {
    const { named, released } = (await this.recording?.write(this.ctx, this.project, this.texts)) ?? { named: new Set(), released: [] };
    await keepOrFree(this.ctx, this.project._id, this.loose, named);
    this.loose = [];
    await release(this.ctx, this.project._id, released);
  }

  async close(): Promise<void> {
    if (this.version === this.project.filesVersion) return;
    await countBytes(this.ctx, this.project.ownerId, this.addedBytes);
    await this.record();
    await this.ctx.db.patch(this.project._id, { filesVersion: this.version, updatedAt: this.at });
  }
}

/**
 * What stands at `path`, in whatever spelling it was given or, before names were composed, stored. Where a project
 * holds both spellings, the one that is asked for, else the composed one.
 */
export async function fileAt(ctx: QueryCtx, projectId: Id<"projects">, path: string): Promise<Doc<"files"> | null> {
  for (const spelling of spellings(path)) {
    const row = await ctx.db
      .query("files")
      .withIndex("by_path", (q) => q.eq("projectId", projectId).eq("path", spelling))
      .unique();
    if (row !== null) return row;
  }
  return null;
}

export async function contentFromText(text: string): Promise<NewContent> {
  const bytes = new TextEncoder().encode(text);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { size: bytes.length, sha256, text };
}

/**
 * Creates or replaces the file at `path`. `expected` is the hash that the caller last saw, "" for "nothing there".
 * The same content again changes nothing, whatever was expected: that is a repeated call.
 */
export async function writeFile(changes: Changes, path: string, content: NewContent, expected?: string): Promise<Doc<"files">> {
  const { ctx, project } = changes;
  checkContent(path, content);
  const existing = await fileAt(ctx, project._id, path);
  if (existing?.type === "folder") throw conflict("is_a_folder", `"${path}" is a folder`);
  const mode = modeOf(content, existing);
  if (existing !== null && existing.sha256 === content.sha256 && existing.mode === mode) {
    if (content.storageId !== undefined && content.storageId !== existing.storageId) {
      await freeBlob(ctx, content.storageId);
    }
    return existing;
  }
  if (expected !== undefined && expected !== (existing?.sha256 ?? "")) {
    throw conflict("file_changed", `"${path}" changed since it was read; read it again`);
  }
  const fields = {
    size: content.size,
    sha256: content.sha256,
    mode,
    storageId: content.storageId,
    updatedAt: changes.at,
  };
  if (existing !== null) {
    const hasBase = !changes.isEditors || existing.hasBase;
    const changed = { ...fields, hasBase, version: changes.next(), renamedFrom: undefined };
    await ctx.db.patch(existing._id, changed);
    changes.grow(content.size - existing.size);
    const before = await putText(ctx, existing._id, content.text);
    changes.letGo(existing, before);
    if (!changes.isEditors) await keepBase(ctx, existing, before);
    const row = { ...existing, ...changed }; // a call may change as many files as a function may read
    changes.note(row.path, sideOf(existing), sideOf(row), content.text);
    return row;
  }
  const newPath = checkedPath(path); // only now: what stands there already is written under any name
  const parent = await folderAt(changes, parentOf(newPath));
  const fileId = await ctx.db.insert("files", {
    ...fields,
    ...entryIn(parent, nameOf(newPath)),
    projectId: project._id,
    type: "file",
    version: changes.next(),
  });
  changes.grow(content.size);
  if (content.text !== undefined) await addText(ctx, fileId, content.text);
  const row = await reread(ctx, fileId);
  changes.note(row.path, undefined, sideOf(row), content.text);
  return row;
}

/** The folder at `path`, made with its parents where they are missing; null for the root. */
export async function folderAt(changes: Changes, path: string): Promise<Doc<"files"> | null> {
  if (path === "") return null;
  const { ctx, project } = changes;
  const existing = changes.folders.get(path) ?? (await fileAt(ctx, project._id, path));
  if (existing?.type === "file") throw conflict("is_a_file", `"${path}" is a file, not a folder`);
  if (existing !== null) {
    changes.folders.set(path, existing);
    return existing;
  }
  const newPath = checkedPath(path);
  const parent = await folderAt(changes, parentOf(newPath));
  const id = await ctx.db.insert("files", {
    ...entryIn(parent, nameOf(newPath)),
    projectId: project._id,
    type: "folder",
    size: 0,
    version: changes.next(),
    updatedAt: changes.at,
  });
  const row = await reread(ctx, id);
  changes.folders.set(path, row);
  changes.note(row.path, undefined, sideOf(row));
  return row;
}

/** Where an entry of that name stands in a folder, whose own path may be of an older spelling. */
function entryIn(parent: Doc<"files"> | null, name: string) {
  const path = parent === null ? name : `${parent.path}/${name}`;
  checkLimits(path);
  return { parentId: parent?._id, path, name };
}

/** Deletes `file`, or up to 500 entries below it: true while there is more, and the folder itself still stands. */
export async function removeTree(changes: Changes, file: Doc<"files">): Promise<boolean> {
  const below = await entriesBelow(changes.ctx, file).order("desc").take(REMOVE_BATCH);
  for (const entry of below) await removeEntry(changes, entry); // what editors may show of these is swept when it is old
  await dropBase(changes.ctx, file);
  if (below.length === REMOVE_BATCH) return true;
  await removeEntry(changes, file);
  return false;
}

/** Moves a file or folder. Doing it again finds it moved. */
export async function moveTree(changes: Changes, path: string, target: string): Promise<Doc<"files">> {
  const { ctx, project } = changes;
  const newPath = checkedPath(target);
  const [source, standing] = [await fileAt(ctx, project._id, path), await fileAt(ctx, project._id, newPath)];
  if (source === null) {
    if (standing?.renamedFrom === composed(path)) return standing;
    throw notFound("File not found");
  }
  if (source.path === newPath) return source;
  // The same entry under its older spelling is moved to the composed one.
  if (standing !== null && standing._id !== source._id) {
    const message = `A ${standing.type} with this name already exists in this location`;
    throw conflict("already_exists", message);
  }
  if (composed(newPath).startsWith(`${composed(source.path)}/`)) {
    throw conflict("into_itself", "A folder cannot be moved into itself");
  }
  const below = source.type === "folder" ? await entriesBelow(ctx, source).take(MAX_MOVE + 1) : [];
  if (below.length > MAX_MOVE) {
    throw refused("too_many", `A folder of more than ${MAX_MOVE} entries cannot be renamed at once`);
  }
  for (const entry of [source, ...below]) await bury(changes, entry.path);
  const place = entryIn(await folderAt(changes, parentOf(newPath)), nameOf(newPath));
  await ctx.db.patch(source._id, {
    ...place,
    version: changes.next(),
    renamedFrom: composed(path),
    updatedAt: changes.at,
  });
  changes.noteMove(source.path, place.path, sideOf(source));
  for (const entry of below) {
    const moved = place.path + entry.path.slice(source.path.length);
    checkLimits(moved);
    changes.noteMove(entry.path, moved, sideOf(entry));
    await ctx.db.patch(entry._id, { path: moved, version: changes.next() });
  }
  return await reread(ctx, source._id);
}

/** Deletes the row, text and blob of one entry of a project that is going; leaves no tombstone. */
export async function dropFile(ctx: MutationCtx, file: Doc<"files">): Promise<void> {
  await putText(ctx, file._id, undefined);
  await dropBase(ctx, file);
  await ctx.db.delete(file._id);
  if (file.storageId !== undefined) await freeBlob(ctx, file.storageId);
}

/** Deletes one entry, a file or an empty folder. */
export async function removeEntry(changes: Changes, file: Doc<"files">): Promise<void> {
  const text = await putText(changes.ctx, file._id, undefined);
  await changes.ctx.db.delete(file._id);
  await bury(changes, file.path);
  changes.grow(-file.size);
  changes.letGo(file, text);
  changes.note(file.path, sideOf(file), undefined);
}

async function bury(changes: Changes, path: string): Promise<void> {
  const projectId = changes.project._id;
  changes.folders.clear(); // what goes may be one of them
  await changes.ctx.db.insert("fileTombstones", { projectId, path, version: changes.next() });
}

/** Whether nothing stands in a folder. */
export async function isEmpty(ctx: QueryCtx, folder: Doc<"files">): Promise<boolean> {
  return (await entriesBelow(ctx, folder).first()) === null;
}

/** Everything below a folder, by path. "0" is the character after "/". */
function entriesBelow(ctx: QueryCtx, folder: Doc<"files">) {
  const { projectId, path } = folder;
  return ctx.db.query("files").withIndex("by_path", (q) => q.eq("projectId", projectId).gt("path", `${path}/`).lt("path", `${path}0`));
}

function checkContent(path: string, content: NewContent): void {
  if ((content.text === undefined) === (content.storageId === undefined)) {
    throw refused("bad_content", `"${path}" needs either a text or a stored blob`);
  }
  if (content.text !== undefined && content.size > MAX_TEXT_BYTES) {
    throw refused("file_too_large", `"${path}" is too large to be kept as text`);
  }
  if (content.mode === "symlink") checkedTarget(path, content.text ?? "");
}

/** What the file is afterwards: as it says, else as executable as before. A link without a word of it is replaced. */
function modeOf(content: NewContent, existing: Doc<"files"> | null): Doc<"files">["mode"] {
  if (content.mode === "regular") return undefined;
  return content.mode ?? (existing?.mode === "executable" ? "executable" : undefined);
}

async function reread(ctx: QueryCtx, fileId: Id<"files">): Promise<Doc<"files">> {
  const row = await ctx.db.get(fileId);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}
