// @vitest-environment edge-runtime
// Which model is to answer, as the event of a message says it.
import { expect, test } from "vitest";
import { ANN, api, type Backend, backend, chat, fail, KEY, refusal, send } from "./backend.ts";

type Sent = Awaited<ReturnType<typeof send>>;

function modelOf(sent: Sent): unknown {
  return sent.events.at(-1)?.data.model;
}

async function choose({ t }: Backend, conversationId: string, model?: string, ownerId = ANN) {
  return await t.mutation(api.system.conversations.chooseModel, { internalKey: KEY, ownerId, conversationId, model });
}

test("the message goes before its conversation; nothing is said where nothing is chosen", async () => {
  const b = backend();
  const { conversationId } = await chat(b);
  const plain = await send(b, conversationId);
  expect(plain.events.at(-1)?.data).not.toHaveProperty("model");
  expect(await choose(b, conversationId, "test/one")).toMatchObject({ model: "test/one" });
  expect(modelOf(await send(b, conversationId))).toBe("test/one");
  const own = await b.t.mutation(api.system.messages.send, {
    internalKey: KEY,
    ownerId: ANN,
    conversationId,
    content: "hello",
    policy: "cancel",
    model: "test/two",
    externalId: "own",
  });
  expect(modelOf(own)).toBe("test/two");
  const id = conversationId as never;
  expect((await b.ann.query(api.conversations.getById, { id })).model).toBe("test/one");
  expect((await choose(b, conversationId)).model).toBeUndefined();
  expect(modelOf(await send(b, conversationId))).toBeUndefined();
});

test("an answer that is tried again keeps its own choice, and takes the conversation's otherwise", async () => {
  const b = backend();
  const { conversationId } = await chat(b);
  const shared = { internalKey: KEY, ownerId: ANN, policy: "queue" as const };
  const own = await b.t.mutation(api.system.messages.send, { ...shared, conversationId, content: "a", model: "test/two", externalId: "a" });
  const plain = await b.t.mutation(api.system.messages.send, { ...shared, conversationId, content: "b", externalId: "b" });
  await choose(b, conversationId, "test/one");
  for (const [sent, model] of [
    [own, "test/two"],
    [plain, "test/one"],
  ] as const) {
    await fail(b, sent.messageId);
    const retry = { ...shared, messageId: sent.messageId, externalId: `again-${model}` };
    expect(modelOf(await b.t.mutation(api.system.messages.retry, retry))).toBe(model);
  }
});

test("nobody chooses for others", async () => {
  const b = backend();
  const { conversationId } = await chat(b);
  expect((await refusal(choose(b, conversationId, "test/one", "bob"))).kind).toBe("not_found");
});
