// Events that are committed with the rows they speak of; the relay sends them to the engine.
import type { Infer } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import type { outboxData } from "./validators.ts";

const GRACE_MS = 2_000; // the API sends a new event itself; the relay is for when it could not

/** `dueAt` of an event that the engine refuses for good. */
export const NEVER_DUE = Number.MAX_SAFE_INTEGER;

export interface NewEvent {
  eventId: string;
  name:
    | "message/sent"
    | "message/cancelled"
    | "ask/answered"
    | "conversation/title.wanted"
    | "github/import.requested"
    | "github/export.requested"
    | "github/pull.requested"
    | "github/pull-request.requested"
    | "archive/import.requested"
    | "transfer/cancelled"
    | "project/generate-requested"
    | "project/generate-cancelled"
    | "account/deletion.requested";
  data: Infer<typeof outboxData>;
  userId: string;
}

/** The relay sends it after `graceMs`: at once, with 0, where nobody else does. */
export async function emit(ctx: MutationCtx, event: NewEvent, graceMs = GRACE_MS): Promise<Doc<"outbox">> {
  const dueAt = Date.now() + graceMs;
  const id = await ctx.db.insert("outbox", { ...event, dueAt, attempts: 0 });
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}
