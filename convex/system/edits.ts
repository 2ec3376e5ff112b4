// Changes to several files of a project that were made on a disk: those of a person's terminal.
import { v } from "convex/values";
import { ownedProject } from "../model/access.ts";
import { applyEdits, edit } from "../model/edits.ts";
import { Changes } from "../model/files.ts";
import { systemMutation } from "../model/functions.ts";

/** All of them or none. Writing what is there already changes nothing, so the same again is harmless. */
export const apply = systemMutation({
  args: { ownerId: v.string(), projectId: v.string(), edits: v.array(edit) },
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId, edits }) => {
    await applyEdits(new Changes(ctx, await ownedProject(ctx, ownerId, projectId)), edits);
    return null;
  },
});
