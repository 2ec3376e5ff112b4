// @vitest-environment edge-runtime
// How many answers a person may have at once.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { api, backend, begin, BOB, chat, fail, KEY, refusal, send, ANN } from "./backend.ts";
import { cancel } from "./running.ts";

beforeEach(() => {
  process.env.POLARIS_RUN_LIMIT = "1";
});
afterEach(() => {
  delete process.env.POLARIS_RUN_LIMIT;
});

describe("a limit of runs", () => {
  test("refuses one more, sent or tried again, until one is over", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const failed = await send(b, conversationId);
    await begin(b, failed.messageId);
    await fail(b, failed.messageId);
    const first = await send(b, conversationId);
    expect(await refusal(send(b, conversationId, { policy: "queue" }))).toMatchObject({
      kind: "refused",
      code: "quota_exceeded",
      quota: "runs",
      currentUsage: "1",
      limit: "1",
    });
    const again = { internalKey: KEY, ownerId: ANN, messageId: failed.messageId, policy: "queue" as const, externalId: "r" };
    expect((await refusal(b.t.mutation(api.system.messages.retry, again))).code).toBe("quota_exceeded");
    await cancel(b, first.messageId);
    await b.t.mutation(api.system.messages.retry, again);
    expect((await refusal(send(b, conversationId, { policy: "queue" }))).code).toBe("quota_exceeded");
  });

  test("counts neither what the message cancels, nor what was sent before, nor other people's", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    await send(b, conversationId, { externalId: "one" });
    expect((await send(b, conversationId, { externalId: "one" })).isDuplicate).toBe(true);
    expect((await send(b, conversationId)).cancelled).toHaveLength(1);
    const own = { internalKey: KEY, ownerId: BOB };
    const { projectId } = await b.t.mutation(api.system.projects.create, { ...own, name: "Bob's", externalId: "p" });
    const bobs = await b.t.mutation(api.system.conversations.create, { ...own, projectId, title: "T", externalId: "c" });
    await send(b, bobs.conversationId, { ownerId: BOB });
  });
});
