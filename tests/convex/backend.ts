// The data layer under convex-test: a fresh database for each call, one key, two people.
import { convexTest } from "convex-test";
import { ConvexError, type Infer } from "convex/values";
import { api } from "../../convex/_generated/api";
import type { newAttachment } from "../../convex/model/validators.ts";
import schema from "../../convex/schema.ts";

export const KEY = "the-internal-key";
export const ANN = "ann";
export const BOB = "bob";
export { api };

const modules = import.meta.glob("../../convex/**/*.ts");

export function backend() {
  process.env.POLARIS_CONVEX_INTERNAL_KEY = KEY;
  const t = convexTest(schema, modules);
  return {
    t,
    ann: t.withIdentity({ subject: ANN }),
    bob: t.withIdentity({ subject: BOB }),
  };
}

export type Backend = ReturnType<typeof backend>;

/** A project and a conversation of Ann's. */
export async function chat({ t }: Backend) {
  const { projectId } = await t.mutation(api.system.projects.create, {
    internalKey: KEY,
    ownerId: ANN,
    name: "Shop",
    externalId: "p1",
  });
  const { conversationId } = await t.mutation(api.system.conversations.create, {
    internalKey: KEY,
    ownerId: ANN,
    projectId,
    title: "First",
    externalId: "c1",
  });
  return { projectId, conversationId };
}

/** Sends a message of Ann's; a new idempotency key each time unless one is given. */
let sends = 0;
export async function send(
  { t }: Backend,
  conversationId: string,
  options: {
    content?: string;
    policy?: "cancel" | "reject" | "queue" | "steer";
    externalId?: string;
    ownerId?: string;
    attachments?: Infer<typeof newAttachment>[];
  } = {},
) {
  sends += 1;
  return await t.mutation(api.system.messages.send, {
    internalKey: KEY,
    ownerId: ANN,
    conversationId,
    content: "hello",
    policy: "cancel",
    externalId: `send-${sends}`,
    ...options,
  });
}

export async function begin({ t }: Backend, messageId: string, runId = "run-1") {
  return await t.mutation(api.system.streaming.begin, { internalKey: KEY, messageId, runId });
}

type Delta = [seq: number, part: number, text: string, kind?: "thinking" | "reset"];

/** Adds deltas and gives the answer to each. */
export async function append({ t }: Backend, messageId: string, epoch: number, ...deltas: Delta[]) {
  return await t.mutation(api.system.streaming.append, {
    internalKey: KEY,
    batch: deltas.map(([s, p, text, k]) => ({ m: messageId, e: epoch, s, p, t: text, k })),
  });
}

export async function message({ t }: Backend, messageId: string) {
  return await t.query(api.system.messages.get, { internalKey: KEY, ownerId: ANN, messageId });
}

export const USAGE = {
  inputTokens: 10,
  outputTokens: 5,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
};

export async function complete({ t }: Backend, messageId: string, epoch: number, text: string) {
  return await t.mutation(api.system.streaming.complete, {
    internalKey: KEY,
    messageId,
    epoch,
    text,
    usage: USAGE,
  });
}

export async function fail({ t }: Backend, messageId: string, runId?: string) {
  return await t.mutation(api.system.streaming.fail, {
    internalKey: KEY,
    messageId,
    error: "The model is down.",
    errorCode: "model_unavailable",
    runId,
  });
}

/** The data of the ConvexError that `work` throws; fails when it throws nothing or something else. */
export async function refusal(work: Promise<unknown>): Promise<Record<string, string>> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ConvexError)) throw error;
    const data: unknown = error.data;
    return (typeof data === "string" ? JSON.parse(data) : data) as Record<string, string>;
  }
  throw new Error("nothing was refused");
}
