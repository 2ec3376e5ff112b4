// What an export of an account holds of each table, and where it is found. A table that is not in the list does not compile.
import type { Doc, TableNames } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { ownedConversation, ownedMessage, ownedProject } from "./access.ts";
import { refused } from "./errors.ts";

/** Whose rows are read together; or why there are none of the table in an export. */
type Place = "owner" | "project" | "conversation" | "message" | "call" | { left: string };

export const PLACES = {
  projects: "owner",
  files: { left: "they are in the folder as they are" },
  fileTexts: { left: "as files" },
  editorBases: { left: "what an editor may still show, for a day" },
  fileTombstones: { left: "paths that were deleted, for workspaces that catch up" },
  checkpoints: "project",
  checkpointFiles: { left: "the list of checkpoints says how much each changed" },
  keptContents: { left: "older contents of files, as long as they can be brought back" },
  conversations: "project",
  messages: "conversation",
  uploads: { left: "messages have what they need of them" },
  messageTexts: "message",
  turns: "message",
  toolCalls: "message",
  condensations: "message",
  usageRecords: "message",
  usageDays: "owner",
  asks: "call",
  dayBudgets: "owner",
  todos: "message",
  resultParts: "call",
  resultImages: "message",
  generations: { left: "the run behind a message, which says how it ended" },
  deltas: { left: "the text of a message as it came" },
  previews: { left: "as deltas" },
  projectGenerations: "project",
  generationEvents: "project",
  transfers: "project",
  mcpServers: "project",
  mcpTokens: { left: "hashes of secrets" },
  storageUse: { left: "system/account says it" },
  accountDeletions: { left: "system/account says it" },
  users: "owner",
  githubAccounts: "owner",
  outbox: { left: "on its way to the engine" },
} as const satisfies Record<TableNames, Place>;

type In<P> = { [T in TableNames]: (typeof PLACES)[T] extends P ? T : never }[TableNames];

const SECRETS = new Set(["sealed", "lease", "env", "headers"]); // fields that hold secrets, if sealed ones, wherever they stand
const PAGE = 100;
/** How many rows of a table are read at once, where one may be large: what a query reads is at most 16 MiB. */
const PAGES: Partial<Record<TableNames, number>> = {
  messages: 10,
  messageTexts: 10,
  turns: 50,
  toolCalls: 20,
  condensations: 20,
  resultParts: 20,
  asks: 50,
  checkpoints: 20,
  projectGenerations: 20,
};

export interface Wanted {
  ownerId: string;
  table: string;
  of?: string | undefined;
  cursor: string | null;
}

/** A page of a table's rows: of the owner, or of a project, conversation or message that is theirs. */
export async function exportedPage(ctx: QueryCtx, wanted: Wanted) {
  const { ownerId, table, of = "", cursor } = wanted;
  const options = { numItems: PAGES[table as TableNames] ?? PAGE, cursor };
  if (isIn(table, "owner")) {
    const rows = ctx.db.query(table).withIndex("by_owner", (q) => q.eq("ownerId", ownerId));
    return await rows.paginate(options);
  }
  if (isIn(table, "project")) {
    const { _id } = await ownedProject(ctx, ownerId, of);
    const rows = ctx.db.query(table).withIndex("by_project", (q) => q.eq("projectId", _id));
    return await rows.paginate(options);
  }
  if (isIn(table, "conversation")) {
    const { conversation } = await ownedConversation(ctx, ownerId, of);
    const rows = ctx.db.query(table).withIndex("by_conversation", (q) => q.eq("conversationId", conversation._id));
    return await rows.paginate(options);
  }
  if (isIn(table, "message")) {
    const { message } = await ownedMessage(ctx, ownerId, of);
    const rows = ctx.db.query(table).withIndex("by_message", (q) => q.eq("messageId", message._id));
    return await rows.paginate(options);
  }
  if (isIn(table, "call")) {
    const { message } = await ownedMessage(ctx, ownerId, of);
    const rows = ctx.db.query(table).withIndex("by_call", (q) => q.eq("messageId", message._id));
    return await rows.paginate(options);
  }
  throw refused("not_exported", `No export holds rows of "${table}"`);
}

function isIn<P extends Place>(table: string, place: P): table is In<P> {
  return (PLACES as Record<string, Place>)[table] === place;
}

/** A row as an export says it: without secrets, a blob with the address at which it can be fetched for now. */
export async function exported(ctx: QueryCtx, row: Doc<TableNames>): Promise<Record<string, unknown>> {
  const shown = withoutSecrets(row) as Record<string, unknown>;
  const { storageId } = row as { storageId?: Doc<"resultImages">["storageId"] };
  return storageId === undefined ? shown : { ...shown, url: await ctx.storage.getUrl(storageId) };
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !SECRETS.has(name))
      .map(([name, inner]) => [name, withoutSecrets(inner)]),
  );
}
