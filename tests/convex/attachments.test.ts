// @vitest-environment edge-runtime
// Images and texts of files that are attached to messages: kept with the message, held, copied, and gone with it.
import { describe, expect, test, vi } from "vitest";
import { internal } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { ANN, api, backend, type Backend, begin, BOB, chat, complete, KEY, refusal, send } from "./backend.ts";

const IMAGE = { mediaType: "image/png" as const, sizeBytes: 4, width: 3, height: 2 };
const FILE = { type: "file" as const, path: "a.ts", startLine: 2, endLine: 3, text: "b\nc" };

async function upload(b: Backend, projectId: string, ownerId = ANN) {
  const storageId = await b.t.run(async (ctx) => await ctx.storage.store(new Blob(["\u0089PNG"])));
  const args = { internalKey: KEY, ownerId, projectId, storageId, name: "shot.png", ...IMAGE };
  return { storageId, args, ...(await b.t.mutation(api.system.attachments.keep, args)) };
}

async function blobs(b: Backend): Promise<Id<"_storage">[]> {
  return await b.t.run(async (ctx) => (await ctx.db.system.query("_storage").collect()).map((row) => row._id));
}

function named({ attachmentId }: { attachmentId: string }) {
  return { type: "image" as const, attachmentId };
}

async function said(b: Backend) {
  const { projectId, conversationId } = await chat(b);
  const image = await upload(b, projectId);
  const sent = await send(b, conversationId, { attachments: [named(image), FILE] });
  return { projectId, conversationId, image, sent };
}

async function later(b: Backend, work: () => Promise<unknown>) {
  vi.useFakeTimers();
  try {
    await work();
    await b.t.finishAllScheduledFunctions(vi.runAllTimers);
  } finally {
    vi.useRealTimers();
  }
}

describe("attachments of a message", () => {
  test("are shown to people without the text, and given to runs with it", async () => {
    const b = backend();
    const { sent } = await said(b);
    const shown = await b.ann.query(api.messages.get, { messageId: sent.userMessageId });
    const { text: _, ...file } = FILE;
    expect(shown.attachments).toEqual([{ type: "image", name: "shot.png", ...IMAGE }, file]);
    const context = await b.t.query(api.system.messages.context, { internalKey: KEY, messageId: sent.messageId, maxChars: 1_000 });
    expect(context.history[0]?.message.attachments?.[1]).toEqual(FILE);
    const at = { messageId: sent.userMessageId, index: 0 };
    expect(await b.ann.query(api.messages.attachmentUrl, at)).toContain("/api/storage/");
    expect(await b.ann.query(api.messages.attachmentUrl, { ...at, index: 1 })).toBeNull();
    expect(await refusal(b.bob.query(api.messages.attachmentUrl, at))).toMatchObject({ kind: "not_found" });
  });

  test("are refused where an image is another project's, none at all, or swept; nothing is written", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const other = await b.t.mutation(api.system.projects.create, { internalKey: KEY, ownerId: BOB, name: "B", externalId: "pb" });
    const foreign = await upload(b, other.projectId, BOB);
    for (const attachmentId of [foreign.attachmentId, "x", ""]) {
      const refused = await refusal(send(b, conversationId, { attachments: [{ type: "image", attachmentId }] }));
      expect(refused).toMatchObject({ kind: "refused", code: "no_such_attachment" });
    }
    const args = { internalKey: KEY, ownerId: ANN, conversationId, limit: 9 };
    expect((await b.t.query(api.system.messages.list, args)).items).toEqual([]);
    const many = Array.from({ length: 21 }, () => FILE);
    expect(await refusal(send(b, conversationId, { attachments: many }))).toMatchObject({ code: "too_many_attachments" });
    const long = [{ ...FILE, text: "a".repeat(70_001) }];
    expect(await refusal(send(b, conversationId, { attachments: long }))).toMatchObject({ code: "attachments_too_long" });
  });

  test("an upload is noted once, and its message sent again is the first one though it is gone", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const image = await upload(b, projectId);
    expect((await b.t.mutation(api.system.attachments.keep, image.args)).attachmentId).toBe(image.attachmentId);
    const message = { externalId: "k", attachments: [named(image)] };
    const first = await send(b, conversationId, message);
    await b.t.run(async (ctx) => await ctx.db.delete(image.attachmentId));
    expect((await send(b, conversationId, message)).userMessageId).toBe(first.userMessageId);
  });

  test("are told with what steers an answer", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    await begin(b, messageId);
    await send(b, conversationId, { policy: "steer", attachments: [named(await upload(b, projectId)), FILE] });
    const { steers } = await b.t.query(api.system.messages.context, { internalKey: KEY, messageId, maxChars: 1_000 });
    expect(steers[0]?.attachments).toEqual([{ type: "image", name: "shot.png", ...IMAGE }, FILE]);
  });
});

describe("the blob of an attached image", () => {
  test("outlives its upload while a message holds it; one of no message is swept", async () => {
    const b = backend();
    const { projectId, image } = await said(b);
    await upload(b, projectId);
    vi.useFakeTimers();
    try {
      vi.advanceTimersByTime(25 * 3_600_000);
      await b.t.mutation(internal.system.sweep.uploads, {});
      await b.t.mutation(internal.system.sweep.orphanBlobs, {});
    } finally {
      vi.useRealTimers();
    }
    expect(await blobs(b)).toEqual([image.storageId]);
    expect(await b.t.run(async (ctx) => await ctx.db.query("uploads").collect())).toEqual([]);
  });

  test("is held by each fork, and gone with the last", async () => {
    const b = backend();
    const { conversationId, image, sent } = await said(b);
    await complete(b, sent.messageId, (await begin(b, sent.messageId)).epoch, "ok");
    const second = await send(b, conversationId, { content: "second" });
    const edit = { internalKey: KEY, ownerId: ANN, messageId: second.userMessageId, content: "other", externalId: "e" };
    const forked = (await b.t.mutation(api.system.forking.edit, edit)).sent;
    const again = { ...edit, messageId: sent.userMessageId, externalId: "e2" };
    const anew = (await b.t.mutation(api.system.forking.edit, again)).sent;
    const bare = (await b.t.mutation(api.system.forking.edit, { ...again, attachments: [], externalId: "e3" })).sent;
    const attached = async (messageId?: Id<"messages">) =>
      messageId && (await b.ann.query(api.messages.get, { messageId })).attachments?.length;
    expect([await attached(anew?.userMessageId), await attached(bare?.userMessageId)]).toEqual([2, undefined]);
    await b.t.run(async (ctx) => await ctx.db.delete(image.attachmentId));
    for (const id of [conversationId, anew?.conversationId, forked?.conversationId]) {
      expect(await blobs(b)).toEqual([image.storageId]);
      if (id) await later(b, async () => await b.ann.mutation(api.conversations.remove, { id }));
    }
    expect(await blobs(b)).toEqual([]);
  });

  test("goes with the project, as an upload that no message names", async () => {
    const b = backend();
    const { projectId } = await said(b);
    await upload(b, projectId);
    await later(b, async () => await b.ann.mutation(api.projects.deleteProject, { id: projectId }));
    expect(await blobs(b)).toEqual([]);
    expect(await b.t.run(async (ctx) => await ctx.db.query("uploads").collect())).toEqual([]);
  });
});
