// The writing of an answer by its run. Every call is safe to make twice; an attempt that has been overtaken, or
// whose message is final, is refused with `generation_closed`.
import { type Infer, v } from "convex/values";
import { find } from "../model/access.ts";
import { condensedRecord, keepCondensed } from "../model/condensing.ts";
import { addDelta, beat, deltaAnswer, deltaEntry } from "../model/deltas.ts";
import { recordingOfTurn } from "../model/checkpoints/recording.ts";
import { applyEdits, edit, undoing } from "../model/edits.ts";
import { generationClosed, notFound, refused } from "../model/errors.ts";
import { Changes } from "../model/files.ts";
import { systemMutation } from "../model/functions.ts";
import { logEdits } from "../model/generating.ts";
import { endOfStream, finish, generationId, generationOf, streamedText, wholeText } from "../model/messages.ts";
import { messageRecord, newToolCall, toMessage, turnRecord } from "../model/records.ts";
import { showAll } from "../model/previews.ts";
import { keepTodos } from "../model/todos.ts";
import { answerUntold } from "../model/sending.ts";
import { noteTold, steerRecord, toSteer, untoldOf } from "../model/steering.ts";
import { finishToolCall as finishCall, held, recordTurn as keepTurn, startToolCall as startCall } from "../model/transcript.ts";
import { endedEarly, keptPart, todoItem, usage } from "../model/validators.ts";

const MAX_ENTRIES = 1_000;
const lease = { messageId: v.string(), epoch: v.number() };
const call = { ...lease, turn: v.number(), toolCallId: v.string() };

/** A new attempt takes the message over: the epoch grows, and older attempts can write nothing more. */
export const begin = systemMutation({
  args: { messageId: v.string(), runId: v.string(), generationId: v.optional(v.string()) },
  returns: v.object({
    messageId: v.id("messages"),
    epoch: v.number(),
    nextSeq: v.number(),
    lastPart: v.number(),
  }),
  handler: async (ctx, args) => {
    const message = await find(ctx, "messages", args.messageId);
    const generation = message && (await generationOf(ctx, message._id));
    if (!message || !generation) throw notFound("Message not found");
    if (generation.status !== "processing") {
      throw generationClosed(`The message is already ${generation.status}`);
    }
    if (args.generationId !== undefined && args.generationId !== generationId(generation)) {
      throw generationClosed("The message is being answered anew by another run");
    }
    const epoch = generation.epoch + 1;
    await ctx.db.patch(generation._id, { epoch, runId: args.runId, heartbeatAt: Date.now() });
    return { messageId: message._id, epoch, ...(await endOfStream(ctx, generation)) };
  },
});

/** Deltas of many messages, in order; one answer each. One refused delta does not hold up the others. */
export const append = systemMutation({
  args: { batch: v.array(deltaEntry) },
  returns: v.array(deltaAnswer),
  handler: async (ctx, { batch }) => {
    if (batch.length > MAX_ENTRIES) throw refused("too_many", `At most ${MAX_ENTRIES} deltas`);
    const answers: Infer<typeof deltaAnswer>[] = [];
    for (const entry of batch) answers.push(await addDelta(ctx, entry));
    return answers;
  },
});

export const heartbeat = systemMutation({
  args: lease,
  returns: v.null(),
  handler: async (ctx, { messageId, epoch }) => {
    await beat(ctx, (await held(ctx, messageId, epoch)).generation);
    return null;
  },
});

/** The provider takes no request before `until`; without it: the wait is over. What was said and not told by then. */
export const waitUntil = systemMutation({
  args: { ...lease, until: v.optional(v.number()) },
  returns: v.array(steerRecord),
  handler: async (ctx, { messageId, epoch, until }) => {
    const { message, generation } = await held(ctx, messageId, epoch);
    await ctx.db.patch(message._id, { waitingUntil: until });
    await beat(ctx, generation);
    return (await untoldOf(ctx, message._id)).map(toSteer);
  },
});

/**
 * A turn, before which the model was `told` these messages of the person; `steers` are those that it does not know yet.
 * `said` are its last deltas.
 */
export const recordTurn = systemMutation({
  args: {
    ...lease,
    turn: turnRecord,
    toolCalls: v.array(newToolCall),
    told: v.optional(v.array(v.string())),
    said: v.optional(v.array(deltaEntry)),
  },
  returns: v.object({ isNew: v.boolean(), steers: v.array(steerRecord) }),
  handler: async (ctx, { messageId, epoch, turn, toolCalls, told = [], said = [] }) => {
    const { message, generation } = await held(ctx, messageId, epoch);
    for (const entry of said) {
      const answer = await addDelta(ctx, entry);
      if (answer !== "ok") throw new Error(`Delta ${entry.s} of message ${entry.m} cannot be added: ${answer}`);
    }
    const isNew = await keepTurn(ctx, generation, turn, toolCalls);
    if (isNew) await showAll(ctx, generation);
    if (isNew && told.length > 0) await noteTold(ctx, generation, turn.turn, told);
    return { isNew, steers: (await untoldOf(ctx, message._id)).map(toSteer) };
  },
});

/** A summary that stands for the beginning of the conversation from now on. */
export const condense = systemMutation({
  args: { ...lease, condensed: condensedRecord },
  returns: v.null(),
  handler: async (ctx, { messageId, epoch, condensed }) => {
    const { generation } = await held(ctx, messageId, epoch);
    await keepCondensed(ctx, generation, condensed);
    return null;
  },
});

/** A call runs now; gives the version of the project's files. */
export const startToolCall = systemMutation({
  args: call,
  returns: v.number(),
  handler: async (ctx, { messageId, epoch, turn, toolCallId }) => {
    const { message, generation } = await held(ctx, messageId, epoch);
    await startCall(ctx, generation, { turn, toolCallId });
    const project = await ctx.db.get(message.projectId);
    if (project === null || project.deletedAt !== undefined) throw notFound("Project not found");
    return project.filesVersion;
  },
});

/** The result of a call and the changes that it made to files, recorded so that they can be undone: all or none of it. */
export const finishToolCall = systemMutation({
  args: {
    ...call,
    output: v.string(),
    isError: v.boolean(),
    edits: v.array(edit),
    parts: v.optional(v.array(keptPart)),
    undo: v.optional(undoing),
    todos: v.optional(v.array(todoItem)), // a plan that replaces the one before
  },
  returns: v.object({
    output: v.string(),
    isError: v.boolean(),
    wasKeptBefore: v.boolean(),
    steers: v.array(steerRecord), // what the person has said since and the model does not know yet
  }),
  handler: async (ctx, { messageId, epoch, edits, parts = [], undo, todos, ...result }) => {
    const { message, generation } = await held(ctx, messageId, epoch);
    const kept = await finishCall(ctx, generation, { ...result, parts });
    if (todos !== undefined && !kept.wasKeptBefore) await keepTodos(ctx, generation, result, todos);
    if (edits.length > 0 && !kept.wasKeptBefore) {
      const project = await ctx.db.get(message.projectId);
      if (project === null) throw generationClosed("The project is gone");
      const back = undo && { from: undo.from, isPartial: undo.isPartial };
      const recording = await recordingOfTurn(ctx, generation, result.turn, back);
      await applyEdits(new Changes(ctx, project, recording), edits, undo);
      await logEdits(ctx, generation, { ...result, edits });
    }
    return { ...kept, steers: (await untoldOf(ctx, message._id)).map(toSteer) };
  },
});

/** The answer is whole: text, usage and status in one write. What it was not told any more gets another answer. */
export const complete = systemMutation({
  args: {
    ...lease,
    text: v.string(),
    model: v.optional(v.string()),
    usage,
    isHistoryCut: v.optional(v.boolean()),
    endedEarly: v.optional(endedEarly),
  },
  returns: messageRecord,
  handler: async (ctx, { messageId, epoch, text, ...rest }) => {
    const known = await find(ctx, "messages", messageId);
    const its = known && (await generationOf(ctx, known._id));
    if (known?.status === "completed" && its?.epoch === epoch) {
      return toMessage(known, await wholeText(ctx, known));
    }
    const { message, generation } = await held(ctx, messageId, epoch);
    await finish(ctx, message, generation, { status: "completed", text, ...rest });
    await answerUntold(ctx, message);
    return await ended(ctx, message._id);
  },
});

/** Closes a message that will not be answered, with the text that was streamed. A final one is left as it is. */
export const fail = systemMutation({
  args: {
    messageId: v.string(),
    error: v.string(),
    errorCode: v.string(),
    runId: v.optional(v.string()),
    model: v.optional(v.string()),
  },
  returns: messageRecord,
  handler: async (ctx, { messageId, error, errorCode, runId, model }) => {
    const message = await find(ctx, "messages", messageId);
    const generation = message && (await generationOf(ctx, message._id));
    if (!message || !generation) throw notFound("Message not found");
    const isOthers = runId !== undefined && generation.runId !== undefined && generation.runId !== runId;
    if (generation.status === "processing" && !isOthers) {
      const text = await streamedText(ctx, message._id);
      const reason = error.slice(0, 2_000);
      const known = generation.model ?? model;
      const ending = { status: "failed" as const, text, error: reason, errorCode, model: known };
      await finish(ctx, message, generation, ending);
    }
    return await ended(ctx, message._id);
  },
});

async function ended(ctx: Parameters<typeof wholeText>[0], messageId: string) {
  const row = await find(ctx, "messages", messageId);
  if (row === null) throw new Error("a message vanished while it was written");
  return toMessage(row, await wholeText(ctx, row));
}
