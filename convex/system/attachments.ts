// Images that are attached to messages: noted when they were uploaded, found for the model and for people.
import { v } from "convex/values";
import { find, ownedMessage, ownedProject } from "../model/access.ts";
import { imageUrl, keepUpload, toUpload, uploadRecord } from "../model/attachments.ts";
import { notFound } from "../model/errors.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { mediaType } from "../model/validators.ts";

/** The API has looked into the bytes. */
export const keep = systemMutation({
  args: {
    ownerId: v.string(),
    projectId: v.string(),
    storageId: v.id("_storage"),
    name: v.optional(v.string()),
    mediaType,
    sizeBytes: v.number(),
    width: v.number(),
    height: v.number(),
  },
  returns: uploadRecord,
  handler: async (ctx, { ownerId, projectId, ...image }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return toUpload(await keepUpload(ctx, { projectId: project._id, ...image }));
  },
});

/** Where the bytes of an attached image are; null: the attachment is none, or gone. */
export const url = systemQuery({
  args: { ownerId: v.string(), messageId: v.string(), index: v.number() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { ownerId, messageId, index }) => {
    const { message } = await ownedMessage(ctx, ownerId, messageId);
    return await imageUrl(ctx, message, index);
  },
});

/** The same for runs: the id comes from our own events. */
export const urlForRun = systemQuery({
  args: { messageId: v.string(), index: v.number() },
  returns: v.union(v.string(), v.null()),
  handler: async (ctx, { messageId, index }) => {
    const message = await find(ctx, "messages", messageId);
    if (message === null) throw notFound("Message not found");
    return await imageUrl(ctx, message, index);
  },
});
