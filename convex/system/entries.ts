// Files by id, for the API: front ends that read no Convex know nothing else of a file.
import { v } from "convex/values";
import { find, ownedFile, ownedProject } from "../model/access.ts";
import { conflict, notFound } from "../model/errors.ts";
import { Changes } from "../model/files.ts";
import { wayTo, wholeFolder } from "../model/folders.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { fileRecord, toFile } from "../model/records.ts";
import { saveText } from "../model/saving.ts";

const one = { ownerId: v.string(), fileId: v.string() };

export const get = systemQuery({
  args: one,
  returns: fileRecord,
  handler: async (ctx, { ownerId, fileId }) => toFile((await ownedFile(ctx, ownerId, fileId)).file),
});

/** The folders around it and the entry itself, root first. */
export const way = systemQuery({
  args: one,
  returns: v.array(fileRecord),
  handler: async (ctx, { ownerId, fileId }) => (await wayTo(ctx, (await ownedFile(ctx, ownerId, fileId)).file)).map(toFile),
});

/** What stands directly in a folder, or at the root of the project. */
export const folder = systemQuery({
  args: { ownerId: v.string(), projectId: v.string(), parentId: v.optional(v.string()) },
  returns: v.array(fileRecord),
  handler: async (ctx, { ownerId, projectId, parentId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const parent = parentId === undefined ? null : await find(ctx, "files", parentId);
    if (parentId !== undefined && (parent?.projectId !== project._id || parent.type !== "folder")) throw notFound("File not found");
    return (await wholeFolder(ctx, project, parent?._id)).map(toFile);
  },
});

/** As files.updateFile: what others have written since is kept. */
export const save = systemMutation({
  args: { ...one, text: v.string(), expectedSha256: v.optional(v.string()) },
  returns: fileRecord,
  handler: async (ctx, { ownerId, fileId, text, expectedSha256 }) => {
    const { file, project } = await ownedFile(ctx, ownerId, fileId);
    if (file.type === "folder") throw conflict("is_a_folder", `"${file.path}" is a folder`);
    const changes = new Changes(ctx, project);
    const row = await saveText(changes, file, text, expectedSha256);
    await changes.close();
    return toFile(row);
  },
});
