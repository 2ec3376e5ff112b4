// @vitest-environment edge-runtime
// What the agent asks a person: once for each call, answered once, by the owner, while its run waits.
import { describe, expect, test, vi } from "vitest";
import { ANN, api, BOB, begin, complete, fail, KEY, refusal, send } from "./backend.ts";
import { cancel, running } from "./running.ts";

type Running = Awaited<ReturnType<typeof running>>;
type Answer = { choice?: string; text?: string; decision?: "allow" | "deny"; scope?: "once" | "run" | "always" };

const LATER = () => Date.now() + 60_000;
const WRITE = { tool: "writeFile", pattern: "src/**", policy: "ask" as const };

async function open({ b, messageId, epoch }: Running, more: object = {}) {
  const ask = { turn: 0, toolCallId: "c1", kind: "question" as const, question: "Which?", choices: ["red", "blue"], expiresAt: LATER() };
  return await b.t.mutation(api.system.asks.open, { internalKey: KEY, messageId, epoch, ask: { ...ask, ...more } });
}

async function approval(r: Running, toolCallId: string, more: object = {}) {
  const about = { toolName: "writeFile", paths: ["src/a.ts"], rule: WRITE, patterns: ["/src/a.ts"] };
  return await open(r, { kind: "approval", toolCallId, question: undefined, choices: undefined, ...about, ...more });
}

async function answer({ b }: Running, askId: string, given: Answer, { key = "k1", ownerId = ANN } = {}) {
  return await b.t.mutation(api.system.asks.answer, { internalKey: KEY, ownerId, askId, answer: given, key });
}

async function code(work: Promise<unknown>) {
  return (await refusal(work))["code"];
}

async function states({ b, conversationId }: Running) {
  const rows = await b.ann.query(api.asks.list, { conversationId });
  return Object.fromEntries(rows.map((row) => [row.toolCallId, row.status]));
}

describe("a request of the agent", () => {
  test("is made once for each call, and is seen by its owner", async () => {
    const r = await running();
    const first = await open(r);
    expect(await open(r, { question: "Again?" })).toEqual(first);
    const rows = await r.b.ann.query(api.asks.list, { conversationId: r.conversationId });
    expect(rows).toMatchObject([{ _id: first.askId, status: "open", question: "Which?", messageId: r.messageId }]);
  });

  test("is refused to an attempt that was overtaken, and beyond its bounds", async () => {
    const r = await running();
    expect(await code(open({ ...r, epoch: r.epoch - 1 }))).toBe("generation_closed");
    expect(await code(open(r, { question: "x".repeat(10_001) }))).toBe("bad_ask");
    expect(await code(open(r, { choices: Array.from({ length: 21 }, String) }))).toBe("bad_ask");
  });

  test("is answered once; the event for the run is in the same write", async () => {
    const r = await running();
    const { askId } = await open(r);
    const { ask, events } = await answer(r, askId, { choice: "red" });
    expect(ask).toMatchObject({ status: "answered", answer: { choice: "red" } });
    const data = { askId, messageId: r.messageId, projectId: r.projectId, conversationId: r.conversationId };
    expect(events).toMatchObject([{ eventId: `${askId}:answered`, name: "ask/answered", data, userId: ANN }]);
    expect((await answer(r, askId, { choice: "red" })).events.map((event) => event.eventId)).toEqual([`${askId}:answered`]);
    expect(await code(answer(r, askId, { choice: "blue" }, { key: "k2" }))).toBe("already_answered");
    expect(await code(r.b.ann.mutation(api.asks.answer, { askId, answer: { choice: "red" } }))).toBe("already_answered");
  });

  test("is answered by the signed-in owner without the API", async () => {
    const r = await running();
    const { askId } = await open(r);
    expect(await code(r.b.bob.mutation(api.asks.answer, { askId, answer: { choice: "red" } }))).toBe("not_found");
    expect(await r.b.ann.mutation(api.asks.answer, { askId, answer: { text: "green" } })).toMatchObject({ answer: { text: "green" } });
    const pending = await r.b.t.run(async (ctx) => await ctx.db.query("outbox").collect());
    const event = pending.find(({ name }) => name === "ask/answered");
    expect(event?.dueAt).toBeLessThanOrEqual(Date.now()); // no API sends it
  });

  test("is nobody else's, and nobody's once its project or conversation is gone", async () => {
    const r = await running();
    const { askId } = await open(r);
    expect(await code(answer(r, askId, { choice: "red" }, { ownerId: BOB }))).toBe("not_found");
    expect(await code(answer(r, "nonsense", { choice: "red" }))).toBe("not_found");
    await r.b.ann.mutation(api.conversations.remove, { id: r.conversationId });
    expect(await code(answer(r, askId, { choice: "red" }))).toBe("not_found");
    const other = await running();
    const second = await open(other);
    await other.b.ann.mutation(api.projects.deleteProject, { id: other.projectId });
    expect(await code(answer(other, second.askId, { choice: "red" }))).toBe("not_found");
  });

  test("takes what was asked for, and nothing else", async () => {
    const r = await running();
    const question = await open(r, { allowsText: false });
    const consent = await approval(r, "c2", { patterns: undefined });
    const wrong: [string, Answer][] = [
      [question.askId, {}],
      [question.askId, { choice: "green" }],
      [question.askId, { text: "green" }],
      [question.askId, { choice: "red", text: "green" }],
      [question.askId, { choice: "red", decision: "allow" }],
      [consent.askId, { choice: "red" }],
      [consent.askId, { text: "go on" }],
      [consent.askId, { decision: "deny", scope: "run" }],
      [consent.askId, { decision: "allow", text: "Be quick." }],
      [consent.askId, { decision: "deny", text: " " }],
      [consent.askId, { decision: "deny", text: "x".repeat(10_001) }],
      [consent.askId, { decision: "allow", scope: "always" }],
    ];
    for (const [askId, given] of wrong) expect(await code(answer(r, askId, given))).toBe("bad_answer");
    expect(await states(r)).toEqual({ c1: "open", c2: "open" });
  });

  test("expires when its run waits no more, unless it was answered just before", async () => {
    const r = await running();
    const settle = async (askId: string) =>
      await r.b.t.mutation(api.system.asks.settle, { internalKey: KEY, messageId: r.messageId, epoch: r.epoch, askId });
    const late = await open(r);
    expect(await settle(late.askId)).toMatchObject({ status: "expired" });
    expect(await code(answer(r, late.askId, { choice: "red" }))).toBe("ask_closed");
    const early = await open(r, { toolCallId: "c2" });
    await answer(r, early.askId, { choice: "red" });
    expect(await settle(early.askId)).toMatchObject({ status: "answered", answer: { choice: "red" } });
    const past = await open(r, { toolCallId: "c3", expiresAt: Date.now() - 1 });
    expect(await code(answer(r, past.askId, { choice: "red" }))).toBe("ask_closed");
    const { messageId } = await send(r.b, r.conversationId, { policy: "queue" });
    const { epoch } = await begin(r.b, messageId, "run-2");
    const foreign = await open({ ...r, messageId, epoch });
    expect(await code(settle(foreign.askId))).toBe("not_found");
  });

  test("is closed with the answer that it belongs to, however that ends", async () => {
    for (const end of [cancel, async (b: Running["b"], id: string) => await complete(b, id, 1, "Done.")]) {
      const r = await running();
      const { askId } = await open(r);
      await end(r.b, r.messageId);
      expect(await states(r)).toEqual({ c1: "closed" });
      expect(await code(answer(r, askId, { choice: "red" }))).toBe("ask_closed");
    }
  });
});

describe("an approval", () => {
  test("for the run answers what the same rule asks about, and nothing else", async () => {
    const r = await running();
    const { askId } = await approval(r, "c1");
    await approval(r, "c2", { paths: ["src/b.ts"], patterns: ["/src/b.ts"] });
    await approval(r, "c3", { rule: { ...WRITE, pattern: "**" } });
    await open(r, { toolCallId: "c4" });
    const { events } = await answer(r, askId, { decision: "allow", scope: "run" });
    expect(events.length).toBe(2);
    expect(await states(r)).toEqual({ c1: "answered", c2: "answered", c3: "open", c4: "open" });
    expect(await r.b.ann.query(api.settings.get, { projectId: r.projectId })).toEqual({});
  });

  test("for always adds rules before the others, once", async () => {
    const r = await running();
    await r.b.ann.mutation(api.settings.update, { projectId: r.projectId, change: { approvals: [WRITE] } });
    for (const [round, toolCallId] of ["c1", "c2"].entries()) {
      const { askId } = await approval(r, toolCallId, { patterns: ["/src/a.ts", "/src/b.ts"] });
      await answer(r, askId, { decision: "allow", scope: "always" }, { key: `k${round}` });
    }
    const allowed = ["/src/a.ts", "/src/b.ts"].map((pattern) => ({ tool: "writeFile", pattern, policy: "allow" }));
    const { approvals } = await r.b.ann.query(api.settings.get, { projectId: r.projectId });
    expect(approvals).toEqual([...allowed, WRITE]);
    const { events } = await send(r.b, r.conversationId);
    expect(JSON.parse(String(events.at(-1)?.data["approvals"]))).toEqual(approvals);
  });

  test("that is denied tells the run why; once is what an allowance is by itself", async () => {
    const r = await running();
    const denied = await approval(r, "c1");
    const { ask } = await answer(r, denied.askId, { decision: "deny", text: "Not there." });
    expect(ask.answer).toEqual({ decision: "deny", text: "Not there." });
    const allowed = await approval(r, "c2");
    expect((await answer(r, allowed.askId, { decision: "allow" })).ask.answer).toEqual({ decision: "allow", scope: "once" });
  });
});

describe("what was asked is gone", () => {
  const left = async ({ b }: Running) => await b.t.run(async (ctx) => (await ctx.db.query("asks").collect()).length);

  test("with the answer that is given anew", async () => {
    const r = await running();
    await open(r);
    await fail(r.b, r.messageId, "run-1");
    expect(await left(r)).toBe(1);
    await r.b.t.mutation(api.system.messages.retry, {
      internalKey: KEY,
      ownerId: ANN,
      messageId: r.messageId,
      policy: "queue",
      externalId: "again",
    });
    expect(await left(r)).toBe(0);
  });

  test("with its conversation, and with its project", async () => {
    vi.useFakeTimers();
    for (const what of ["conversation", "project"]) {
      const r = await running();
      await open(r);
      if (what === "project") await r.b.ann.mutation(api.projects.deleteProject, { id: r.projectId });
      else await r.b.ann.mutation(api.conversations.remove, { id: r.conversationId });
      await r.b.t.finishAllScheduledFunctions(vi.runAllTimers);
      expect(await left(r)).toBe(0);
    }
    vi.useRealTimers();
  });
});
