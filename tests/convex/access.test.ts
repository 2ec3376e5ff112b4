// @vitest-environment edge-runtime
// Who may call what: the internal key on every system function, the owner on every public one.
import { makeFunctionReference } from "convex/server";
import { describe, expect, test } from "vitest";
import { ANN, api, backend, begin, chat, KEY, refusal, send } from "./backend.ts";

type Exported = { isPublic?: boolean; isInternal?: boolean; isQuery?: boolean; exportArgs?: () => string };

const systemModules = import.meta.glob<Record<string, Exported>>("../../convex/system/*.ts", {
  eager: true,
});
const systemFunctions = Object.entries(systemModules).flatMap(([file, module]) => {
  const name = file.replace(/.*\/|\.ts$/g, "");
  return Object.entries(module)
    .filter(([, value]) => value.isPublic)
    .map(([key, value]) => ({ path: [name, key] as const, value }));
});

describe("system functions", () => {
  test("are all found by this test", () => {
    expect(systemFunctions.length).toBeGreaterThan(40);
  });

  for (const { path, value } of systemFunctions) {
    const name = `system/${path.join(":")}`;
    const call = async (args: Record<string, unknown>, { t } = backend()) => {
      if (value.isQuery) return await t.query(makeFunctionReference<"query">(name), args as never);
      return await t.mutation(makeFunctionReference<"mutation">(name), args as never);
    };

    test(`${name} refuses a wrong key and a part of the key, whatever else is given`, async () => {
      const wrong = ["", "wrong", KEY.slice(0, -1), `${KEY}x`, KEY + KEY, 7, null, [KEY], { key: KEY }];
      for (const internalKey of wrong) {
        for (const others of [{}, { nonsense: 1 }, { ownerId: 7, projectId: [], limit: "x" }]) {
          expect((await refusal(call({ ...others, internalKey }))).message).toBe("Invalid internal key");
        }
      }
      expect((await refusal(call({}))).message).toBe("Invalid internal key");
    });

    test(`${name} judges its arguments for who has the key`, async () => {
      const wrong = call({ internalKey: KEY, nonsense: 1 });
      await expect(wrong).rejects.toThrow("ArgumentValidationError: nonsense is not known");
    });

    test(`${name} refuses every key where none is set`, async () => {
      for (const unset of ["", undefined]) {
        const b = backend();
        if (unset === undefined) delete process.env.POLARIS_CONVEX_INTERNAL_KEY;
        else process.env.POLARIS_CONVEX_INTERNAL_KEY = unset;
        const { message } = await refusal(call({ internalKey: unset ?? "" }, b));
        expect(message).toBe("POLARIS_CONVEX_INTERNAL_KEY is not configured");
      }
    });
  }
});

describe("public functions", () => {
  async function furnished() {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    await begin(b, messageId);
    const ask = { turn: 0, toolCallId: "call-1", kind: "question" as const, question: "Which?", expiresAt: Date.now() + 60_000 };
    const { askId } = await b.t.mutation(api.system.asks.open, { internalKey: KEY, messageId, epoch: 1, ask });
    await b.ann.mutation(api.files.createFolder, { projectId, name: "d" });
    await b.ann.mutation(api.files.createFile, { projectId, name: "f", content: "" });
    const [folder, file] = await b.ann.query(api.files.getFolderContents, { projectId });
    const fileId = folder?._id as NonNullable<typeof folder>["_id"];
    const textId = file?._id as NonNullable<typeof file>["_id"];
    return { b, projectId, conversationId, messageId, askId, fileId, textId };
  }
  type Furnished = Awaited<ReturnType<typeof furnished>>;
  type Person = Furnished["b"]["ann"];

  const paginationOpts = { numItems: 5, cursor: null };
  const calls: Record<string, (who: Person, f: Furnished) => Promise<unknown>> = {
    "projects.getById": (who, f) => who.query(api.projects.getById, { id: f.projectId }),
    "projects.getGeneration": (who, f) => who.query(api.projects.getGeneration, { projectId: f.projectId }),
    "projects.getGenerationEvents": (who, f) => who.query(api.projects.getGenerationEvents, { projectId: f.projectId }),
    "projects.rename": (who, f) => who.mutation(api.projects.rename, { id: f.projectId, name: "n" }),
    "projects.updateSettings": (who, f) => who.mutation(api.projects.updateSettings, { id: f.projectId, settings: {} }),
    "settings.get": (who, f) => who.query(api.settings.get, { projectId: f.projectId }),
    "settings.update": (who, f) => who.mutation(api.settings.update, { projectId: f.projectId, change: {} }),
    "files.getFiles": (who, f) => who.query(api.files.getFiles, { projectId: f.projectId }),
    "files.list": (who, f) => who.query(api.files.list, { projectId: f.projectId, paginationOpts }),
    "files.getFolderContents": (who, f) => who.query(api.files.getFolderContents, { projectId: f.projectId }),
    "files.paths": (who, f) => who.query(api.files.paths, { projectId: f.projectId, paginationOpts }),
    "files.byPath": (who, f) => who.query(api.files.byPath, { projectId: f.projectId, path: "a" }),
    "files.listFolder": (who, f) => who.query(api.files.listFolder, { projectId: f.projectId, paginationOpts }),
    "files.getFile": (who, f) => who.query(api.files.getFile, { id: f.fileId }),
    "files.getFilePath": (who, f) => who.query(api.files.getFilePath, { id: f.fileId }),
    "files.createFile": (who, f) => who.mutation(api.files.createFile, { projectId: f.projectId, name: "a", content: "" }),
    "files.createFolder": (who, f) => who.mutation(api.files.createFolder, { projectId: f.projectId, name: "b" }),
    "files.renameFile": (who, f) => who.mutation(api.files.renameFile, { id: f.fileId, newName: "e" }),
    "conversations.setBudget": (who, f) => who.mutation(api.conversations.setBudget, { id: f.conversationId, budget: { tokens: 1 } }),
    "conversations.rename": (who, f) => who.mutation(api.conversations.rename, { id: f.conversationId, title: "t" }),
    "conversations.remove": (who, f) => who.mutation(api.conversations.remove, { id: f.conversationId }),
    "conversations.create": (who, f) => who.mutation(api.conversations.create, { projectId: f.projectId, title: "t" }),
    "conversations.getByProject": (who, f) => who.query(api.conversations.getByProject, { projectId: f.projectId }),
    "conversations.getById": (who, f) => who.query(api.conversations.getById, { id: f.conversationId }),
    "conversations.getMessages": (who, f) => who.query(api.conversations.getMessages, { conversationId: f.conversationId }),
    "messages.list": (who, f) => who.query(api.messages.list, { conversationId: f.conversationId, paginationOpts }),
    "messages.get": (who, f) => who.query(api.messages.get, { messageId: f.messageId }),
    "messages.text": (who, f) => who.query(api.messages.text, { messageId: f.messageId }),
    "messages.attachmentUrl": (who, f) => who.query(api.messages.attachmentUrl, { messageId: f.messageId, index: 0 }),
    "messages.deltas": (who, f) => who.query(api.messages.deltas, { messageId: f.messageId, from: 0 }),
    "messages.resultParts": (who, f) => who.query(api.messages.resultParts, { messageId: f.messageId, turn: 0, toolCallId: "call-1" }),
    "messages.toolCalls": (who, f) => who.query(api.messages.toolCalls, { messageId: f.messageId }),
    "messages.tasks": (who, f) => who.query(api.messages.tasks, { messageId: f.messageId }),
    "messages.toolCards": (who, f) => who.query(api.messages.toolCards, { messageId: f.messageId }),
    "messages.toolCall": (who, f) => who.query(api.messages.toolCall, { messageId: f.messageId, turn: 0, toolCallId: "call-1" }),
    "messages.condensations": (who, f) => who.query(api.messages.condensations, { messageId: f.messageId }),
    "asks.list": (who, f) => who.query(api.asks.list, { conversationId: f.conversationId }),
    "asks.answer": (who, f) => who.mutation(api.asks.answer, { askId: f.askId, answer: { text: "this" } }),
    "messages.parts": (who, f) => who.query(api.messages.parts, { messageId: f.messageId }),
    "todos.get": (who, f) => who.query(api.todos.get, { conversationId: f.conversationId }),
    "files.updateFile": (who, f) => who.mutation(api.files.updateFile, { id: f.textId, content: "c" }),
    "files.deleteFile": (who, f) => who.mutation(api.files.deleteFile, { id: f.fileId }),
    "transfers.latest": (who, f) => who.query(api.transfers.latest, { projectId: f.projectId }),
    "usage.summary": (who, f) =>
      who.query(api.usage.summary, { from: "2026-11-28", to: "2026-11-28", groupBy: "day", projectId: f.projectId }),
    "projects.restoreProject": (who, f) => who.mutation(api.projects.restoreProject, { id: f.projectId }),
    "projects.deleteProject": (who, f) => who.mutation(api.projects.deleteProject, { id: f.projectId }),
  };

  for (const [name, call] of Object.entries(calls)) {
    test(`${name} serves the owner, finds nothing for a stranger, and refuses nobody in particular`, async () => {
      const f = await furnished();
      expect((await refusal(call(f.b.bob, f))).kind).toBe("not_found");
      expect((await refusal(call(f.b.t as never, f))).message).toBe("Unauthorized");
      await call(f.b.ann, f);
    });
  }

  test("are all in the table above", () => {
    const modules = import.meta.glob<Record<string, Exported>>("../../convex/*.ts", { eager: true });
    const found = Object.entries(modules).flatMap(([file, module]) =>
      Object.entries(module)
        .filter(([, value]) => value.isPublic)
        .map(([key]) => `${file.replace(/.*\/|\.ts$/g, "")}.${key}`),
    );
    const users = ["getOrCreateUser", "getSubscription", "getBillingStatus", "getProjectCount", "startTrial", "cancelTrial"];
    const ownOnly = ["projects.create", "projects.get", "projects.getPartial", ...users.map((name) => `users.${name}`)]; // nobody else's id goes in
    expect(found.sort()).toEqual([...Object.keys(calls), ...ownOnly].sort());
  });

  test("list the caller's own projects only, last updated first", async () => {
    const { b, projectId } = await furnished();
    const second = await b.ann.mutation(api.projects.create, { name: "Second" });
    await b.bob.mutation(api.projects.create, { name: "Bob's" });
    await new Promise((done) => setTimeout(done, 2)); // the clock of updatedAt counts milliseconds
    await b.ann.mutation(api.projects.rename, { id: projectId, name: "Renamed" });
    const rows = await b.ann.query(api.projects.get, {});
    expect(rows.map((row) => row._id)).toEqual([projectId, second]);
    expect(rows.every((row) => row.ownerId === ANN)).toBe(true);
    expect((await b.ann.query(api.projects.getPartial, { limit: 1 })).length).toBe(1);
    expect((await refusal(b.t.query(api.projects.get, {}))).message).toBe("Unauthorized");
  });
});
