// A request to generate a project: the project, the row of the work, and the event that starts it, in one mutation.
import { type Infer, v } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { ownedProject } from "./access.ts";
import { createConversation } from "./conversations.ts";
import { conflict, refused } from "./errors.ts";
import { latestGeneration, runningGenerations } from "./generating.ts";
import { emit } from "./outbox.ts";
import { createProject } from "./projects.ts";
import { settingsOfRun } from "./settings.ts";
import { outboxRecord, projectGenerationRecord, toOutbox, toProjectGeneration } from "./records.ts";

const MAX_DESCRIPTION = 100_000; // characters
const TITLE = "Project generation";

export const startedRecord = v.object({
  generation: projectGenerationRecord,
  events: v.array(outboxRecord),
  isDuplicate: v.boolean(),
});
type Started = Infer<typeof startedRecord>;

export interface GenerationRequest {
  ownerId: string;
  externalId: string;
  name: string; // of a project that is made here
  projectId?: string; // one that is there already: it is gone on with
  description?: string; // absent: that of the request before
  stack?: string; // absent: that of the request before
  firstStack?: string; // where there was none
}

/** `isRelayed`: nobody sends the event but the relay, which does so at once. */
export async function requestGeneration(ctx: MutationCtx, request: GenerationRequest, { isRelayed = false } = {}): Promise<Started> {
  const { ownerId, externalId, projectId } = request;
  checkDescription(request);
  const project =
    projectId === undefined ? await createProject(ctx, ownerId, request.name, externalId) : await ownedProject(ctx, ownerId, projectId);
  const before = await ctx.db
    .query("projectGenerations")
    .withIndex("by_external", (q) => q.eq("projectId", project._id).eq("externalId", externalId))
    .first();
  if (before !== null) return await startedBefore(ctx, before);
  if ((await runningGenerations(ctx, project._id)).length > 0) {
    throw conflict("generation_in_progress", "This project is being generated already; cancel that or wait");
  }
  const row = await insert(ctx, project, request);
  const data = { projectGenerationId: row._id, projectId: project._id, ...settingsOfRun(project.settings) };
  const requested = { eventId: row._id, name: "project/generate-requested" as const, data, userId: ownerId };
  const event = await emit(ctx, requested, isRelayed ? 0 : undefined);
  await ctx.db.patch(project._id, { updatedAt: Date.now() });
  return { generation: toProjectGeneration(row), events: [toOutbox(event)], isDuplicate: false };
}

/** The same description for the same stack goes on: steps that have ended well are not made again. */
async function insert(ctx: MutationCtx, project: Doc<"projects">, request: GenerationRequest): Promise<Doc<"projectGenerations">> {
  const last = await latestGeneration(ctx, project._id);
  const description = request.description ?? last?.description;
  const stack = request.stack ?? last?.stack ?? request.firstStack;
  if (description === undefined || stack === undefined) {
    throw refused("no_description", "Description is required: this project was not generated before");
  }
  const goesOn = last?.description === description && last.stack === stack;
  const conversationId = last?.conversationId ?? (await createConversation(ctx, project, TITLE))._id;
  const id = await ctx.db.insert("projectGenerations", {
    projectId: project._id,
    conversationId,
    externalId: request.externalId,
    description,
    stack,
    status: "processing",
    heartbeatAt: Date.now(),
    steps: goesOn ? last.steps : [],
  });
  const row = await ctx.db.get(id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

async function startedBefore(ctx: MutationCtx, row: Doc<"projectGenerations">): Promise<Started> {
  const pending = await ctx.db
    .query("outbox")
    .withIndex("by_event", (q) => q.eq("eventId", row._id))
    .take(1);
  return { generation: toProjectGeneration(row), events: pending.map(toOutbox), isDuplicate: true };
}

function checkDescription({ description, projectId }: GenerationRequest): void {
  if (description === undefined && projectId !== undefined) return;
  if ((description ?? "").trim() === "") throw refused("no_description", "Description is required");
  if ((description ?? "").length > MAX_DESCRIPTION) {
    const text = `A description must not be longer than ${MAX_DESCRIPTION} characters`;
    throw refused("description_too_long", text);
  }
}
