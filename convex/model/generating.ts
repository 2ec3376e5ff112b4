// The making of a whole project: its steps, the log of them, and how it ends.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { find } from "./access.ts";
import type { edit } from "./edits.ts";
import { generationClosed, notFound } from "./errors.ts";
import { appendEvent } from "./events.ts";
import { close, stopEvent } from "./generation_end.ts";
import type { Final } from "./messages.ts";
import { cancel, generationOf } from "./messages.ts";
import { emit } from "./outbox.ts";
import { insertExchange } from "./sending.ts";

type Row = Doc<"projectGenerations">;

const MAX_LOGGED_EDITS = 50; // of one tool call
const PREVIEW_CHARS = 500;

/** The newest request to generate in a project. */
export async function latestGeneration(ctx: QueryCtx, projectId: Id<"projects">): Promise<Row | null> {
  return await ctx.db
    .query("projectGenerations")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .order("desc")
    .first();
}

/** Those of a project that are not over. */
export async function runningGenerations(ctx: QueryCtx, projectId: Id<"projects">): Promise<Row[]> {
  return await ctx.db
    .query("projectGenerations")
    .withIndex("by_project_status", (q) => q.eq("projectId", projectId).eq("status", "processing"))
    .take(10);
}

export async function known(ctx: QueryCtx, projectGenerationId: string): Promise<Row> {
  const row = await find(ctx, "projectGenerations", projectGenerationId);
  if (row === null) throw notFound("Generation not found");
  return row;
}

/** The row, as long as its run may write. */
export async function open(ctx: QueryCtx, projectGenerationId: string): Promise<Row> {
  const row = await known(ctx, projectGenerationId);
  if (row.status !== "processing") throw generationClosed(`The generation is already ${row.status}`);
  return row;
}

/** Cancels what is being generated in a project, with the answers of the current steps; the events that stop the runs. */
export async function cancelGenerations(ctx: MutationCtx, project: Doc<"projects">): Promise<Doc<"outbox">[]> {
  const events: Doc<"outbox">[] = [];
  for (const row of await runningGenerations(ctx, project._id)) {
    const answer = row.messageId && (await generationOf(ctx, row.messageId));
    if (answer && answer.status === "processing") {
      events.push(await cancel(ctx, answer, project.ownerId));
    } else {
      await close(ctx, row, { status: "cancelled" });
      events.push(await emit(ctx, stopEvent(row._id, project.ownerId)));
    }
  }
  return events;
}

/** Asks for a step in the conversation, once; the answer that is to be written by `runId`. */
export async function askStep(
  ctx: MutationCtx,
  row: Row,
  { runId, step, prompt }: { runId: string; step: string; prompt: string },
): Promise<Id<"messages">> {
  const externalId = `${row._id}:${step}`;
  const messageId = (await answerTo(ctx, row, externalId)) ?? (await insertStep(ctx, row, { runId, prompt, externalId }));
  await ctx.db.patch(row._id, { currentStep: step, messageId, heartbeatAt: Date.now() });
  await appendEvent(ctx, `${externalId}:start`, { projectId: row.projectId, type: "step", message: `Starting ${step}` });
  return messageId;
}

async function answerTo(ctx: QueryCtx, row: Row, externalId: string): Promise<Id<"messages"> | undefined> {
  const question = await ctx.db
    .query("messages")
    .withIndex("by_external", (q) => q.eq("conversationId", row.conversationId).eq("externalId", externalId))
    .first();
  if (question === null) return undefined;
  const answer = await ctx.db
    .query("messages")
    .withIndex("by_conversation", (q) => q.eq("conversationId", row.conversationId).eq("order", question.order + 1))
    .unique();
  return answer?._id;
}

async function insertStep(
  ctx: MutationCtx,
  row: Row,
  { prompt, ...step }: { runId: string; prompt: string; externalId: string },
): Promise<Id<"messages">> {
  const conversation = await ctx.db.get(row.conversationId);
  if (conversation === null) throw generationClosed("The conversation is gone");
  const { messageId } = await insertExchange(ctx, conversation, { content: prompt, projectGenerationId: row._id, ...step });
  return messageId;
}

/** Notes that a step's answer is whole. One that was cancelled or failed has ended the generation. */
export async function endStep(ctx: MutationCtx, row: Row, step: string, note: string): Promise<Final> {
  const message = row.messageId && (await ctx.db.get(row.messageId));
  const generation = message && (await generationOf(ctx, message._id));
  if (!message || !generation) throw notFound("Message not found");
  if (message.status !== "completed") throw generationClosed("A later attempt writes this step");
  const log = async (key: string, type: "step" | "info", text: string) =>
    await appendEvent(ctx, `${row._id}:${step}:${key}`, { projectId: row.projectId, type, message: text });
  await log("calls", "info", `${step} emitted ${generation.keptCalls ?? 0} tool call(s)`);
  if (note !== "") await log("note", "info", `${step}: ${note}`);
  await log("end", "step", `Completed ${step}`);
  const steps = row.steps.includes(step) ? row.steps : [...row.steps, step];
  await ctx.db.patch(row._id, { steps, heartbeatAt: Date.now() });
  return "completed";
}

/** Lines of the log for the changes that a step's tool call has made; nothing for other answers. */
export async function logEdits(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  { turn, toolCallId, edits }: { turn: number; toolCallId: string; edits: Infer<typeof edit>[] },
): Promise<void> {
  if (generation.projectGenerationId === undefined) return;
  const { projectId } = generation;
  const externalId = `${generation.messageId}:${turn}:${toolCallId}`;
  const shown = edits.filter((one) => one.kind !== "makeFolder");
  for (const [index, one] of shown.slice(0, MAX_LOGGED_EDITS).entries()) {
    await appendEvent(ctx, `${externalId}:${index}`, { projectId, type: "file", ...lineOf(one) });
  }
  if (shown.length > MAX_LOGGED_EDITS) {
    const message = `Changed ${shown.length - MAX_LOGGED_EDITS} more files`;
    await appendEvent(ctx, `${externalId}:more`, { projectId, type: "info", message });
  }
}

function lineOf(one: Infer<typeof edit>): { message: string; filePath: string; preview?: string } {
  switch (one.kind) {
    case "write": {
      const { path, text } = one;
      const preview = text === undefined || text.length <= PREVIEW_CHARS ? text : `${text.slice(0, PREVIEW_CHARS)}…`;
      return { message: `${one.expectedSha256 === "" ? "Created" : "Wrote"} ${path}`, filePath: path, preview };
    }
    case "rename":
      return { message: `Renamed ${one.path} to ${one.newPath}`, filePath: one.newPath };
    case "delete":
      return { message: `Deleted ${one.path}`, filePath: one.path };
    case "makeFolder":
      return { message: `Created ${one.path}/`, filePath: one.path };
    default:
      return one satisfies never;
  }
}
