// @vitest-environment edge-runtime
// Summaries that stand for the beginning of a conversation.
import { expect, test } from "vitest";
import { ANN, api, begin, complete, fail, KEY, send } from "./backend.ts";
import { running } from "./running.ts";

const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 };
const summary = { beforeOrder: 0, turns: 1, text: "What was done.", model: "test/any", usage };

type Running = Awaited<ReturnType<typeof running>>;

async function condense({ b, messageId, epoch }: Running, turn: number, text = summary.text) {
  const condensed = { ...summary, turn, text };
  await b.t.mutation(api.system.streaming.condense, { internalKey: KEY, messageId, epoch, condensed });
}

async function known({ b }: Running, messageId: string) {
  const context = await b.t.query(api.system.messages.context, { internalKey: KEY, messageId, maxChars: 1_000 });
  return context.condensed;
}

test("the first one of a turn stays, and the newest counts", async () => {
  const site = await running();
  expect(await known(site, site.messageId)).toBeUndefined();
  await condense(site, 1);
  await condense(site, 1, "Another.");
  expect(await known(site, site.messageId)).toEqual({ ...summary, turn: 1, messageId: site.messageId });
  await condense(site, 3, "Newer.");
  expect(await known(site, site.messageId)).toMatchObject({ turn: 3, text: "Newer." });
  const { messageId } = site;
  expect(await site.b.ann.query(api.messages.condensations, { messageId })).toEqual([
    { turn: 1, text: "What was done.", model: "test/any" },
    { turn: 3, text: "Newer.", model: "test/any" },
  ]);
  await expect(site.b.bob.query(api.messages.condensations, { messageId })).rejects.toThrow("not found");
});

test("one that was overtaken is refused", async () => {
  const site = await running();
  await begin(site.b, site.messageId);
  await expect(condense(site, 1)).rejects.toThrow("later attempt");
});

test("the next message goes on from it; a retry of the answer forgets it", async () => {
  const site = await running();
  await condense(site, 1);
  await complete(site.b, site.messageId, site.epoch, "Done.");
  const next = await send(site.b, site.conversationId, { content: "And?" });
  expect(await known(site, next.messageId)).toMatchObject({ text: summary.text, messageId: site.messageId });
});

test("a retry forgets those of the answer that failed", async () => {
  const site = await running();
  await condense(site, 1);
  await fail(site.b, site.messageId);
  await site.b.t.mutation(api.system.messages.retry, {
    internalKey: KEY,
    ownerId: ANN,
    messageId: site.messageId,
    policy: "cancel",
    externalId: "again",
  });
  expect(await known(site, site.messageId)).toBeUndefined();
});
