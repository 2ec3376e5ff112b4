// @vitest-environment edge-runtime
// A conversation that nobody has named wants a title with its first message, and takes it unless it is named meanwhile.
import { describe, expect, test } from "vitest";
import type { Id } from "../../convex/_generated/dataModel";
import { ANN, api, type Backend, backend, BOB, chat, KEY, refusal, send } from "./backend.ts";

const internalKey = KEY;
const ownerId = ANN;

async function untitled(b: Backend, title = "New conversation") {
  const { projectId } = await chat(b);
  const made = await b.t.mutation(api.system.conversations.create, { internalKey, ownerId, projectId, title, externalId: "c2" });
  return made.conversationId;
}

async function wanted({ t }: Backend) {
  const rows = await t.run(async (ctx) => await ctx.db.query("outbox").collect());
  return rows.filter((row) => row.name === "conversation/title.wanted");
}

async function titleOf({ ann }: Backend, id: Id<"conversations">) {
  return (await ann.query(api.conversations.getById, { id })).title;
}

const entitle = async ({ t }: Backend, conversationId: string, title = "Fix the login") =>
  await t.mutation(api.system.conversations.entitle, { internalKey, ownerId, conversationId, title });
const beginning = async ({ t }: Backend, conversationId: string) =>
  await t.query(api.system.conversations.untitled, { internalKey, ownerId, conversationId });

describe("a conversation without a title", () => {
  test("wants one with its first message; the caller is not handed the event, so that no answer waits for it", async () => {
    const b = backend();
    const conversationId = await untitled(b);
    expect(await beginning(b, conversationId)).toBeNull();
    const sent = await send(b, conversationId, { content: "fix it".padEnd(5_000, "!"), externalId: "m1" });
    await send(b, conversationId, { content: "fix it".padEnd(5_000, "!"), externalId: "m1" });
    expect(sent.events.map((event) => event.name)).toEqual(["message/sent"]);
    expect(await wanted(b)).toMatchObject([{ eventId: `title-${sent.userMessageId}`, data: { conversationId }, userId: ANN }]);
    expect(await beginning(b, conversationId)).toBe("fix it".padEnd(2_000, "!"));
  });

  test("takes the first that is found and no other", async () => {
    const b = backend();
    const conversationId = await untitled(b);
    await send(b, conversationId);
    expect(await entitle(b, conversationId)).toBe(true);
    expect(await entitle(b, conversationId, "Another")).toBe(false);
    expect(await titleOf(b, conversationId)).toBe("Fix the login");
    expect(await beginning(b, conversationId)).toBeNull();
    await send(b, conversationId);
    expect((await wanted(b)).length).toBe(1);
  });

  test("keeps the name that a person gives it meanwhile, if only that of a new one", async () => {
    const b = backend();
    for (const title of ["Mine", "New conversation"]) {
      const conversationId = await untitled(b);
      await send(b, conversationId);
      await b.ann.mutation(api.conversations.rename, { id: conversationId, title });
      expect(await beginning(b, conversationId)).toBeNull();
      expect(await entitle(b, conversationId)).toBe(false);
      expect(await titleOf(b, conversationId)).toBe(title);
    }
  });

  test("is one that nobody named when it began", async () => {
    const b = backend();
    const conversationId = await untitled(b, "Prices");
    await send(b, conversationId);
    expect(await wanted(b)).toEqual([]);
    expect(await entitle(b, conversationId)).toBe(false);
  });

  test("takes no empty or endless title, none from a stranger, and none once it is deleted", async () => {
    const b = backend();
    const conversationId = await untitled(b);
    await send(b, conversationId);
    for (const title of ["", " ", "x".repeat(301)]) {
      expect((await refusal(entitle(b, conversationId, title))).code).toBe("bad_title");
    }
    const stranger = b.t.mutation(api.system.conversations.entitle, { internalKey, ownerId: BOB, conversationId, title: "His" });
    expect((await refusal(stranger)).code).toBe("not_found");
    await b.ann.mutation(api.conversations.remove, { id: conversationId });
    expect((await refusal(entitle(b, conversationId))).code).toBe("not_found");
  });
});
