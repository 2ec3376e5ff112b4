// Rows as public functions return them: the documents that user interfaces know, with `_id` and `_creationTime`,
// without the fields that are nobody's business.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import {
  exportStatus,
  fileType,
  generationEventType,
  importStatus,
  messageStatus,
  projectSettings,
  role,
  toolCallStatus,
  usage,
} from "./validators.ts";

export const projectDoc = v.object({
  _id: v.id("projects"),
  _creationTime: v.number(),
  ownerId: v.string(),
  name: v.string(),
  updatedAt: v.number(),
  importStatus: v.optional(importStatus),
  exportStatus: v.optional(exportStatus),
  exportRepoUrl: v.optional(v.string()),
  settings: v.optional(projectSettings),
});

export function toProjectDoc(row: Doc<"projects">): Infer<typeof projectDoc> {
  const { _id, _creationTime, ownerId, name, updatedAt } = row;
  const { importStatus, exportStatus, exportRepoUrl, settings } = row;
  return {
    _id,
    _creationTime,
    ownerId,
    name,
    updatedAt,
    importStatus,
    exportStatus,
    exportRepoUrl,
    settings,
  };
}

export const fileDoc = v.object({
  _id: v.id("files"),
  _creationTime: v.number(),
  projectId: v.id("projects"),
  parentId: v.optional(v.id("files")),
  path: v.string(),
  name: v.string(),
  type: fileType,
  size: v.number(),
  updatedAt: v.number(),
  storageId: v.optional(v.id("_storage")), // the bytes are a blob: show a notice, no editor
  storageUrl: v.optional(v.union(v.string(), v.null())),
  content: v.optional(v.string()),
});

/** `content` is given where it was asked for. */
export function toFileDoc(row: Doc<"files">, content?: string): Infer<typeof fileDoc> {
  const { _id, _creationTime, projectId, parentId, path, name } = row;
  const { type, size, updatedAt, storageId } = row;
  return {
    _id,
    _creationTime,
    projectId,
    parentId,
    path,
    name,
    type,
    size,
    updatedAt,
    storageId,
    content,
  };
}

export const conversationDoc = v.object({
  _id: v.id("conversations"),
  _creationTime: v.number(),
  projectId: v.id("projects"),
  title: v.string(),
  updatedAt: v.number(),
});

export function toConversationDoc(row: Doc<"conversations">): Infer<typeof conversationDoc> {
  const { _id, _creationTime, projectId, title, updatedAt } = row;
  return { _id, _creationTime, projectId, title, updatedAt };
}

export const messageDoc = v.object({
  _id: v.id("messages"),
  _creationTime: v.number(),
  conversationId: v.id("conversations"),
  projectId: v.id("projects"),
  order: v.number(),
  role,
  status: v.optional(messageStatus),
  content: v.string(),
  isCut: v.boolean(), // `content` is only the head: ask messages.text for all of it
  error: v.optional(v.string()),
  errorCode: v.optional(v.string()),
  model: v.optional(v.string()),
  usage: v.optional(usage),
  waitingUntil: v.optional(v.number()), // "waiting for the provider until …"
  isHistoryCut: v.optional(v.boolean()), // the model was told less than all of the conversation
  startedAt: v.number(),
  endedAt: v.optional(v.number()),
});

export function toMessageDoc(row: Doc<"messages">): Infer<typeof messageDoc> {
  const { _id, _creationTime, conversationId, projectId, order, role, status } = row;
  const { content, error, errorCode, model, usage, waitingUntil, isHistoryCut, startedAt, endedAt } = row;
  return {
    _id,
    _creationTime,
    conversationId,
    projectId,
    order,
    role,
    status,
    content,
    isCut: (row.chunks ?? 0) > 0,
    error,
    errorCode,
    model,
    usage,
    waitingUntil,
    isHistoryCut,
    startedAt,
    endedAt,
  };
}

export const toolCallDoc = v.object({
  _id: v.id("toolCalls"),
  messageId: v.id("messages"),
  turn: v.number(),
  id: v.string(),
  name: v.string(),
  args: v.string(), // the JSON text of an object
  status: toolCallStatus,
  result: v.optional(v.string()),
  startedAt: v.optional(v.number()),
  endedAt: v.optional(v.number()),
});

export function toToolCallDoc(row: Doc<"toolCalls">): Infer<typeof toolCallDoc> {
  return {
    _id: row._id,
    messageId: row.messageId,
    turn: row.turn,
    id: row.toolCallId,
    name: row.name,
    args: row.argumentsJson,
    status: row.status,
    result: row.output,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  };
}

export const eventDoc = v.object({
  _id: v.id("generationEvents"),
  _creationTime: v.number(),
  projectId: v.id("projects"),
  type: generationEventType,
  message: v.string(),
  filePath: v.optional(v.string()),
  preview: v.optional(v.string()),
  createdAt: v.number(),
});

export function toEventDoc(row: Doc<"generationEvents">): Infer<typeof eventDoc> {
  const { _id, _creationTime, projectId, type, message, filePath, preview } = row;
  return {
    _id,
    _creationTime,
    projectId,
    type,
    message,
    filePath,
    preview,
    createdAt: _creationTime,
  };
}
