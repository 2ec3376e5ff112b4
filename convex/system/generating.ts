// Whole projects from a description: requested and cancelled by the API, made by a job.
import { v } from "convex/values";
import { ownedProject } from "../model/access.ts";
import { appendEvent } from "../model/events.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { close } from "../model/generation_end.ts";
import { askStep, cancelGenerations, endStep, known, latestGeneration, open } from "../model/generating.ts";
import { requestGeneration, startedRecord } from "../model/generation_requests.ts";
import { outboxRecord, projectGenerationRecord, toOutbox, toProjectGeneration } from "../model/records.ts";
import { generationEventType, messageStatus, verification } from "../model/validators.ts";

const one = { projectGenerationId: v.string() };

export const request = systemMutation({
  args: {
    ownerId: v.string(),
    externalId: v.string(),
    name: v.string(),
    projectId: v.optional(v.string()),
    description: v.optional(v.string()),
    stack: v.optional(v.string()),
  },
  returns: startedRecord,
  handler: async (ctx, args) => await requestGeneration(ctx, args),
});

export const get = systemQuery({
  args: one,
  returns: projectGenerationRecord,
  handler: async (ctx, { projectGenerationId }) => toProjectGeneration(await known(ctx, projectGenerationId)),
});

/** The newest of a project; null where nothing was generated. */
export const latest = systemQuery({
  args: { ownerId: v.string(), projectId: v.string() },
  returns: v.union(projectGenerationRecord, v.null()),
  handler: async (ctx, { ownerId, projectId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    const row = await latestGeneration(ctx, project._id);
    return row === null ? null : toProjectGeneration(row);
  },
});

/** Stops what is generated in a project; the events that stop the runs. */
export const cancel = systemMutation({
  args: { ownerId: v.string(), projectId: v.string() },
  returns: v.array(outboxRecord),
  handler: async (ctx, { ownerId, projectId }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    return (await cancelGenerations(ctx, project)).map(toOutbox);
  },
});

/** Asks for a step, once; the message that is to be answered. */
export const ask = systemMutation({
  args: { ...one, runId: v.string(), step: v.string(), prompt: v.string() },
  returns: v.id("messages"),
  handler: async (ctx, { projectGenerationId, ...step }) => await askStep(ctx, await open(ctx, projectGenerationId), step),
});

/** What came of a step: one that was cancelled or failed has ended the generation. */
export const ended = systemMutation({
  args: { ...one, step: v.string(), note: v.string() },
  returns: messageStatus,
  handler: async (ctx, { projectGenerationId, step, note }) => {
    const row = await known(ctx, projectGenerationId);
    return row.status === "processing" ? await endStep(ctx, row, step, note) : row.status;
  },
});

/** A line of the log, once for each `key`; with `step`, that is what is being done now. */
export const note = systemMutation({
  args: { ...one, key: v.string(), type: generationEventType, message: v.string(), step: v.optional(v.string()) },
  returns: v.null(),
  handler: async (ctx, { projectGenerationId, key, step, ...line }) => {
    const row = await open(ctx, projectGenerationId);
    await ctx.db.patch(row._id, { currentStep: step ?? row.currentStep, heartbeatAt: Date.now() });
    await appendEvent(ctx, `${row._id}:${key}`, { projectId: row.projectId, ...line });
    return null;
  },
});

/** All steps have ended well, and this is what the project was put to. */
export const complete = systemMutation({
  args: { ...one, verification },
  returns: v.null(),
  handler: async (ctx, { projectGenerationId, verification: outcome }) => {
    const row = await known(ctx, projectGenerationId);
    if (row.status === "processing") await close(ctx, row, { status: "completed", verification: outcome });
    return null;
  },
});

/** It will not be finished; one that is over is left as it is. */
export const fail = systemMutation({
  args: { ...one, error: v.string(), errorCode: v.string() },
  returns: v.null(),
  handler: async (ctx, { projectGenerationId, ...why }) => {
    const row = await known(ctx, projectGenerationId);
    if (row.status === "processing") await close(ctx, row, { status: "failed", ...why });
    return null;
  },
});
