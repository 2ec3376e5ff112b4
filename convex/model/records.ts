// Rows as system functions return them: the fields of store/records/, ids by name. tests/contracts/convex/test_records.py
// compares both sides.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import schema from "../schema.ts";
import { toAttachments } from "./attached.ts";
import { generationId } from "./messages.ts";
import { only } from "./rows.ts";
import { attachment, projectSettings } from "./validators.ts";

const keptProject = schema
  .doc("projects")
  .pick("ownerId", "name", "updatedAt", "filesVersion", "importStatus", "exportStatus", "exportRepoUrl", "repository");

export const projectRecord = keptProject.extend({
  projectId: schema.id("projects"),
  createdAt: v.number(),
  settings: projectSettings,
});

export function toProject(row: Doc<"projects">): Infer<typeof projectRecord> {
  return { ...only(keptProject, row), projectId: row._id, createdAt: row._creationTime, settings: row.settings ?? {} };
}

const file = schema.doc("files");
const keptFile = file.pick("projectId", "parentId", "path", "name", "sha256", "mode", "version", "updatedAt");

export const fileRecord = keptFile.extend({
  fileId: schema.id("files"),
  kind: file.fields.type,
  sizeBytes: file.fields.size,
  inStorage: v.boolean(),
});

export function toFile(row: Doc<"files">): Infer<typeof fileRecord> {
  const inStorage = row.storageId !== undefined;
  return { ...only(keptFile, row), fileId: row._id, kind: row.type, sizeBytes: row.size, inStorage };
}

const keptConversation = schema.doc("conversations").pick("projectId", "title", "updatedAt", "model", "budget", "editedFrom");

export const conversationRecord = keptConversation.extend({
  conversationId: schema.id("conversations"),
  createdAt: v.number(),
});

export function toConversation(row: Doc<"conversations">): Infer<typeof conversationRecord> {
  return { ...only(keptConversation, row), conversationId: row._id, createdAt: row._creationTime };
}

const keptMessage = schema.doc("messages").omit("_id", "_creationTime", "externalId", "chunks", "attachments");

export const messageRecord = keptMessage.extend({
  messageId: schema.id("messages"),
  attachments: v.optional(v.array(attachment)),
});

/** `content` replaces the head that the row holds. */
export function toMessage(row: Doc<"messages">, content = row.content): Infer<typeof messageRecord> {
  return { ...only(keptMessage, row), messageId: row._id, content, attachments: toAttachments(row.attachments) };
}

export const turnRecord = schema.doc("turns").omit("_id", "_creationTime", "messageId");

export function toTurn(row: Doc<"turns">): Infer<typeof turnRecord> {
  return only(turnRecord, row);
}

export const toolCallRecord = schema.doc("toolCalls").omit("_id", "_creationTime", "index", "revision", "changed"); // lists show the last

export function toToolCall(row: Doc<"toolCalls">): Infer<typeof toolCallRecord> {
  return only(toolCallRecord, row);
}

/** A call as the model asked for it; `notRun` says why it will not be run, if so. */
export const newToolCall = toolCallRecord.pick("toolCallId", "name", "argumentsJson").extend({ notRun: v.optional(v.string()) });

const keptAsk = schema.doc("asks").omit("_id", "_creationTime", "answerKey");

export const askRecord = keptAsk.extend({ askId: schema.id("asks"), createdAt: v.number() });

export function toAsk(row: Doc<"asks">): Infer<typeof askRecord> {
  return { ...only(keptAsk, row), askId: row._id, createdAt: row._creationTime };
}

/** A request as its run makes it: the lease says of which answer it is. */
export const newAsk = keptAsk.omit("projectId", "conversationId", "messageId", "status", "answer", "endedAt");

const keptEvent = schema.doc("outbox").pick("eventId", "name", "data", "userId", "attempts");

export const outboxRecord = keptEvent.extend({ createdAt: v.number() });

export function toOutbox(row: Doc<"outbox">): Infer<typeof outboxRecord> {
  return { ...only(keptEvent, row), createdAt: row._creationTime };
}

const keptGeneration = schema
  .doc("generations")
  .pick("messageId", "conversationId", "projectId", "epoch", "status", "heartbeatAt", "runId");

export const generationRecord = keptGeneration.extend({
  ownerId: v.string(),
  eventId: v.string(), // of the `message/sent` that started it, or will
  createdAt: v.number(),
});

export function toGeneration(row: Doc<"generations">, ownerId: string): Infer<typeof generationRecord> {
  return { ...only(keptGeneration, row), ownerId, eventId: generationId(row), createdAt: row._creationTime };
}

const keptTransfer = schema.doc("transfers").omit("_id", "_creationTime", "externalId", "storageId");

export const transferRecord = keptTransfer.extend({ transferId: schema.id("transfers"), createdAt: v.number() });

export function toTransfer(row: Doc<"transfers">): Infer<typeof transferRecord> {
  return { ...only(keptTransfer, row), transferId: row._id, createdAt: row._creationTime };
}

const keptProjectGeneration = schema.doc("projectGenerations").omit("_id", "_creationTime", "externalId", "heartbeatAt");

export const projectGenerationRecord = keptProjectGeneration.extend({
  projectGenerationId: schema.id("projectGenerations"),
  createdAt: v.number(),
});

export function toProjectGeneration(row: Doc<"projectGenerations">): Infer<typeof projectGenerationRecord> {
  return { ...only(keptProjectGeneration, row), projectGenerationId: row._id, createdAt: row._creationTime };
}

/** A line of a generation's log, as it is written. */
export const eventLine = schema.doc("generationEvents").pick("projectId", "type", "message", "filePath", "preview");

export const eventRecord = eventLine.extend({ createdAt: v.number() });

export function toEvent(row: Doc<"generationEvents">): Infer<typeof eventRecord> {
  return { ...only(eventLine, row), createdAt: row._creationTime };
}
