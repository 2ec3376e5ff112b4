// Rows as public functions return them: the documents that user interfaces know, with `_id` and `_creationTime`,
// without the fields that are nobody's business.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import schema from "../schema.ts";
import { toShownAttachments } from "./attached.ts";
import { only } from "./rows.ts";
import { shownAttachment } from "./validators.ts";

export const projectDoc = schema
  .doc("projects")
  .pick("_id", "_creationTime", "ownerId", "name", "updatedAt", "importStatus", "exportStatus", "exportRepoUrl", "repository", "settings");

export function toProjectDoc(row: Doc<"projects">): Infer<typeof projectDoc> {
  return only(projectDoc, row);
}

const shownFile = schema.doc("files").pick(
  "_id",
  "_creationTime",
  "projectId",
  "parentId",
  "path",
  "name",
  "type",
  "size",
  "sha256", // of the bytes: what `files.updateFile` takes as `expectedSha256`
  "version", // grows with each change of the project's files
  "mode",
  "updatedAt",
  "storageId", // the bytes are a blob: show a notice, no editor
);

export const fileDoc = shownFile.extend({
  storageUrl: v.optional(v.union(v.string(), v.null())),
  content: v.optional(v.string()),
});

/** `content` is given where it was asked for. */
export function toFileDoc(row: Doc<"files">, content?: string): Infer<typeof fileDoc> {
  return { ...only(shownFile, row), content };
}

/** Where a file or folder stands: what a tree or a palette shows. Nothing of it changes when the content does. */
export const pathDoc = schema.doc("files").pick("_id", "path", "type", "mode", "storageId");

export function toPathDoc(row: Doc<"files">): Infer<typeof pathDoc> {
  return only(pathDoc, row);
}

export const conversationDoc = schema
  .doc("conversations")
  .pick("_id", "_creationTime", "projectId", "title", "updatedAt", "model", "budget", "editedFrom");

export function toConversationDoc(row: Doc<"conversations">): Infer<typeof conversationDoc> {
  return only(conversationDoc, row);
}

const shownMessage = schema
  .doc("messages")
  .pick(
    "_id",
    "_creationTime",
    "conversationId",
    "projectId",
    "order",
    "role",
    "status",
    "content",
    "error",
    "errorCode",
    "model",
    "usage",
    "waitingUntil",
    "isHistoryCut",
    "endedEarly",
    "steers",
    "toldIn",
    "startedAt",
    "endedAt",
  );

export const messageDoc = shownMessage.extend({
  attachments: v.optional(v.array(shownAttachment)),
  isCut: v.boolean(), // `content` is only the head: ask messages.text for all of it
});

export function toMessageDoc(row: Doc<"messages">): Infer<typeof messageDoc> {
  return { ...only(shownMessage, row), attachments: toShownAttachments(row.attachments), isCut: (row.chunks ?? 0) > 0 };
}

const FAILED = "My apologies, I encountered an error while processing your request. Let me know if you need anything else!";
const STOPPED = "Message was cancelled.";

/** A message for front ends that show `content` and nothing else: how an answer ended stands in it, unless it ended well. */
export const plainMessageDoc = shownMessage
  .pick(
    "_id",
    "_creationTime",
    "conversationId",
    "projectId",
    "order",
    "role",
    "status",
    "content",
    "error",
    "errorCode",
    "steers",
    "toldIn",
  )
  .extend({ isCut: messageDoc.fields.isCut });

/** `text`: so far, or of all of the message, where the row has less. */
export function toPlainMessageDoc(row: Doc<"messages">, text = row.content): Infer<typeof plainMessageDoc> {
  const isCut = text.length === row.content.length && (row.chunks ?? 0) > 0;
  return { ...only(plainMessageDoc, { ...row, isCut }), content: plainContent(row, text) };
}

function plainContent({ status, error = FAILED }: Doc<"messages">, text: string): string {
  if (status === "cancelled") return text || STOPPED;
  if (status === "failed") return text === "" ? error : `${text}\n\n${error}`;
  return text;
}

const LINE_CHARS = 120; // of the arguments of a call in a list
const toolCall = schema.doc("toolCalls");
const shownCall = toolCall.pick("_id", "messageId", "turn", "name", "status", "startedAt", "endedAt");

export const toolCallDoc = shownCall.extend({
  id: toolCall.fields.toolCallId,
  args: toolCall.fields.argumentsJson, // the JSON text of an object
  result: toolCall.fields.output,
});

const carded = toolCall.pick("_id", "turn", "name", "status", "startedAt", "endedAt", "changed");

/** What a list shows of a call; `toolCall` has the whole. `line` is the beginning of its arguments, in one line. */
export const toolCardDoc = carded.extend({
  id: toolCall.fields.toolCallId,
  line: v.string(),
  argsChars: v.number(),
  resultChars: v.optional(v.number()), // absent: it has none yet
});

export function toToolCardDoc(row: Doc<"toolCalls">): Infer<typeof toolCardDoc> {
  return {
    ...only(carded, row),
    id: row.toolCallId,
    line: row.argumentsJson
      .slice(0, 2 * LINE_CHARS)
      .replaceAll(/\\[nrt]|\s+/g, " ")
      .slice(0, LINE_CHARS),
    argsChars: row.argumentsJson.length,
    resultChars: row.output?.length,
  };
}

export function toToolCallDoc(row: Doc<"toolCalls">): Infer<typeof toolCallDoc> {
  return { ...only(shownCall, row), id: row.toolCallId, args: row.argumentsJson, result: row.output };
}

const shownEvent = schema.doc("generationEvents").pick("_id", "_creationTime", "projectId", "type", "message", "filePath", "preview");

export const eventDoc = shownEvent.extend({ createdAt: v.number() });

export function toEventDoc(row: Doc<"generationEvents">): Infer<typeof eventDoc> {
  return { ...only(shownEvent, row), createdAt: row._creationTime };
}

export const transferDoc = schema.doc("transfers").omit("externalId", "storageId", "upTo");

export function toTransferDoc(row: Doc<"transfers">): Infer<typeof transferDoc> {
  return only(transferDoc, row);
}

export const projectGenerationDoc = schema
  .doc("projectGenerations")
  .pick(
    "_id",
    "_creationTime",
    "projectId",
    "conversationId",
    "stack",
    "status",
    "steps",
    "currentStep",
    "messageId",
    "verification",
    "error",
    "errorCode",
    "endedAt",
  );

export function toProjectGenerationDoc(row: Doc<"projectGenerations">): Infer<typeof projectGenerationDoc> {
  return only(projectGenerationDoc, row);
}

export const askDoc = schema.doc("asks").omit("answerKey");

export function toAskDoc(row: Doc<"asks">): Infer<typeof askDoc> {
  return only(askDoc, row);
}
