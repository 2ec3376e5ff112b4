// Rows as system functions return them: the fields of store/records.py, ids by name.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import { generationId } from "./messages.ts";
import {
  exportStatus,
  fileType,
  importStatus,
  messageStatus,
  outboxData,
  projectSettings,
  role,
  toolCallStatus,
  transferKind,
  transferStatus,
  turnPart,
  usage,
} from "./validators.ts";

export const projectRecord = v.object({
  projectId: v.id("projects"),
  ownerId: v.string(),
  name: v.string(),
  createdAt: v.number(),
  updatedAt: v.number(),
  filesVersion: v.number(),
  settings: projectSettings,
  importStatus: v.optional(importStatus),
  exportStatus: v.optional(exportStatus),
  exportRepoUrl: v.optional(v.string()),
});

export function toProject(row: Doc<"projects">): Infer<typeof projectRecord> {
  return {
    projectId: row._id,
    ownerId: row.ownerId,
    name: row.name,
    createdAt: row._creationTime,
    updatedAt: row.updatedAt,
    filesVersion: row.filesVersion,
    settings: row.settings ?? {},
    importStatus: row.importStatus,
    exportStatus: row.exportStatus,
    exportRepoUrl: row.exportRepoUrl,
  };
}

export const fileRecord = v.object({
  fileId: v.id("files"),
  projectId: v.id("projects"),
  parentId: v.optional(v.id("files")),
  path: v.string(),
  name: v.string(),
  kind: fileType,
  sizeBytes: v.number(),
  sha256: v.optional(v.string()),
  version: v.number(),
  updatedAt: v.number(),
  inStorage: v.boolean(),
});

export function toFile(row: Doc<"files">): Infer<typeof fileRecord> {
  return {
    fileId: row._id,
    projectId: row.projectId,
    parentId: row.parentId,
    path: row.path,
    name: row.name,
    kind: row.type,
    sizeBytes: row.size,
    sha256: row.sha256,
    version: row.version,
    updatedAt: row.updatedAt,
    inStorage: row.storageId !== undefined,
  };
}

export const conversationRecord = v.object({
  conversationId: v.id("conversations"),
  projectId: v.id("projects"),
  title: v.string(),
  createdAt: v.number(),
  updatedAt: v.number(),
});

export function toConversation(row: Doc<"conversations">): Infer<typeof conversationRecord> {
  return {
    conversationId: row._id,
    projectId: row.projectId,
    title: row.title,
    createdAt: row._creationTime,
    updatedAt: row.updatedAt,
  };
}

export const messageRecord = v.object({
  messageId: v.id("messages"),
  conversationId: v.id("conversations"),
  projectId: v.id("projects"),
  order: v.number(),
  role,
  content: v.string(),
  startedAt: v.number(),
  status: v.optional(messageStatus),
  error: v.optional(v.string()),
  errorCode: v.optional(v.string()),
  model: v.optional(v.string()),
  usage: v.optional(usage),
  waitingUntil: v.optional(v.number()),
  isHistoryCut: v.optional(v.boolean()),
  runId: v.optional(v.string()),
  endedAt: v.optional(v.number()),
});

/** `content` replaces the head that the row holds. */
export function toMessage(row: Doc<"messages">, content = row.content): Infer<typeof messageRecord> {
  return {
    messageId: row._id,
    conversationId: row.conversationId,
    projectId: row.projectId,
    order: row.order,
    role: row.role,
    content,
    startedAt: row.startedAt,
    status: row.status,
    error: row.error,
    errorCode: row.errorCode,
    model: row.model,
    usage: row.usage,
    waitingUntil: row.waitingUntil,
    isHistoryCut: row.isHistoryCut,
    runId: row.runId,
    endedAt: row.endedAt,
  };
}

export const turnRecord = v.object({
  turn: v.number(),
  parts: v.array(turnPart),
  stopReason: v.string(),
  model: v.string(),
  usage,
  droppedCalls: v.array(v.string()),
});

export function toTurn(row: Doc<"turns">): Infer<typeof turnRecord> {
  const { turn, parts, stopReason, model, usage, droppedCalls } = row;
  return { turn, parts, stopReason, model, usage, droppedCalls };
}

export const toolCallRecord = v.object({
  messageId: v.id("messages"),
  turn: v.number(),
  toolCallId: v.string(),
  name: v.string(),
  argumentsJson: v.string(),
  status: toolCallStatus,
  output: v.optional(v.string()),
  startedAt: v.optional(v.number()),
  endedAt: v.optional(v.number()),
});

export function toToolCall(row: Doc<"toolCalls">): Infer<typeof toolCallRecord> {
  return {
    messageId: row.messageId,
    turn: row.turn,
    toolCallId: row.toolCallId,
    name: row.name,
    argumentsJson: row.argumentsJson,
    status: row.status,
    output: row.output,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  };
}

export const outboxRecord = v.object({
  eventId: v.string(),
  name: v.string(),
  data: outboxData,
  userId: v.string(),
  createdAt: v.number(),
  attempts: v.number(),
});

export function toOutbox(row: Doc<"outbox">): Infer<typeof outboxRecord> {
  const { eventId, name, data, userId, attempts } = row;
  return { eventId, name, data, userId, attempts, createdAt: row._creationTime };
}

export const generationRecord = v.object({
  messageId: v.id("messages"),
  conversationId: v.id("conversations"),
  projectId: v.id("projects"),
  ownerId: v.string(),
  eventId: v.string(), // of the `message/sent` that started it, or will
  epoch: v.number(),
  status: messageStatus,
  heartbeatAt: v.number(),
  createdAt: v.number(),
  runId: v.optional(v.string()),
});

export function toGeneration(row: Doc<"generations">, ownerId: string): Infer<typeof generationRecord> {
  const { messageId, conversationId, projectId, epoch, status, heartbeatAt, runId } = row;
  const createdAt = row._creationTime;
  const eventId = generationId(row);
  const ids = { messageId, conversationId, projectId, ownerId, eventId, runId };
  return { ...ids, epoch, status, heartbeatAt, createdAt };
}

export const transferRecord = v.object({
  transferId: v.id("transfers"),
  projectId: v.id("projects"),
  kind: transferKind,
  status: transferStatus,
  done: v.number(),
  total: v.number(),
  createdAt: v.number(),
  heartbeatAt: v.number(),
  repoUrl: v.optional(v.string()),
  error: v.optional(v.string()),
});

export function toTransfer(row: Doc<"transfers">): Infer<typeof transferRecord> {
  const { projectId, kind, status, done, total, heartbeatAt, repoUrl, error } = row;
  const createdAt = row._creationTime;
  return {
    transferId: row._id,
    projectId,
    kind,
    status,
    done,
    total,
    createdAt,
    heartbeatAt,
    repoUrl,
    error,
  };
}
