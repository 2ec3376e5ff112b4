// @vitest-environment edge-runtime
// A used up budget: its person says how much more there is, once, and that holds for the conversation or the day.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ANN, api, BOB, complete, KEY, refusal, USAGE } from "./backend.ts";
import { running } from "./running.ts";

const DAY = "2026-11-28";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(new Date(`${DAY}T12:00:00Z`));
});
afterEach(() => {
  vi.useRealTimers();
});

type Running = Awaited<ReturnType<typeof running>>;
type Budget = { of: "answer" | "conversation" | "day"; tokens?: number; usd?: number; spentTokens: number; spentUsd?: number };
type Answer = { decision?: "allow" | "deny"; moreTokens?: number; moreUsd?: number; text?: string };

const USED: Budget = { of: "answer", tokens: 100, usd: 5, spentTokens: 120, spentUsd: 1 };
const MORE: Answer = { decision: "allow", moreTokens: 50 };

async function ask({ b, messageId, epoch }: Running, budget: Budget, number = 0) {
  const about = { turn: 1, toolCallId: `budget-${number}`, kind: "budget" as const, budget, expiresAt: Date.now() + 60_000 };
  return await b.t.mutation(api.system.asks.open, { internalKey: KEY, messageId, epoch, ask: about });
}

async function answer({ b }: Running, askId: string, given: Answer, ownerId = ANN) {
  return await b.t.mutation(api.system.asks.answer, { internalKey: KEY, ownerId, askId, answer: given, key: "k1" });
}

async function code(work: Promise<unknown>) {
  return (await refusal(work))["code"];
}

async function means({ b, conversationId }: Running) {
  return await b.t.query(api.system.usage.means, { internalKey: KEY, ownerId: ANN, conversationId, day: DAY });
}

describe("more of a budget", () => {
  test("is asked for once, shown with what was spent, and given once by the owner", async () => {
    const r = await running();
    const { askId } = await ask(r, USED);
    expect((await ask(r, { ...USED, spentTokens: 999 })).askId).toBe(askId);
    const rows = await r.b.ann.query(api.asks.list, { conversationId: r.conversationId });
    expect(rows).toMatchObject([{ _id: askId, kind: "budget", status: "open", budget: USED }]);
    expect(await code(answer(r, askId, MORE, BOB))).toBe("not_found");
    const { ask: answered, events } = await answer(r, askId, MORE);
    expect(answered).toMatchObject({ status: "answered", answer: MORE });
    expect(events).toMatchObject([{ name: "ask/answered", data: { askId } }]);
    expect(await code(r.b.ann.mutation(api.asks.answer, { askId, answer: MORE }))).toBe("already_answered");
  });

  test("is given over Convex, and not after the answer has ended", async () => {
    const r = await running();
    const first = await ask(r, USED);
    expect(await r.b.ann.mutation(api.asks.answer, { askId: first.askId, answer: { decision: "deny" } })).toMatchObject({
      status: "answered",
      answer: { decision: "deny" },
    });
    const { askId } = await ask(r, USED, 1);
    await complete(r.b, r.messageId, r.epoch, "Done.");
    expect(await code(answer(r, askId, MORE))).toBe("ask_closed");
  });

  test.each<[string, Answer]>([
    ["no decision", { moreTokens: 5 }],
    ["no amount", { decision: "allow" }],
    ["not what is used up", { decision: "allow", moreUsd: 5 }],
    ["none", { decision: "allow", moreTokens: 0 }],
    ["less", { decision: "allow", moreTokens: -5 }],
    ["a part of one", { decision: "allow", moreTokens: 0.5 }],
    ["more than all", { decision: "allow", moreTokens: 2e9 }],
    ["no number", { decision: "allow", moreTokens: Number.NaN }],
    ["an amount with no", { decision: "deny", moreTokens: 5 }],
    ["a text", { decision: "deny", text: "no" }],
  ])("is refused with %s, and the question stays", async (_, given) => {
    const r = await running();
    const { askId } = await ask(r, USED);
    expect(await code(answer(r, askId, given))).toBe("bad_answer");
    expect((await answer(r, askId, MORE)).ask.status).toBe("answered");
  });

  test("is of a kind that the budget has", async () => {
    const r = await running();
    const { askId } = await ask(r, { of: "answer", usd: 1, spentTokens: 10, spentUsd: 1 });
    expect(await code(answer(r, askId, { decision: "allow", moreUsd: 1, moreTokens: 5 }))).toBe("bad_answer");
    await answer(r, askId, { decision: "allow", moreUsd: 0.5 });
  });

  test("holds for the conversation, beyond what is gone", async () => {
    const r = await running();
    const { askId } = await ask(r, { ...USED, of: "conversation" });
    await answer(r, askId, MORE);
    expect(await means(r)).toMatchObject({ conversationBudget: { tokens: 170, usd: 5 } });
    expect(await r.b.ann.query(api.conversations.getById, { id: r.conversationId })).toMatchObject({ budget: { tokens: 170, usd: 5 } });
    const again = await ask(r, { ...USED, of: "conversation", tokens: 170, spentTokens: 180 }, 1);
    await answer(r, again.askId, { ...MORE, moreUsd: 1 });
    expect(await means(r)).toMatchObject({ conversationBudget: { tokens: 230, usd: 6 } });
  });

  test("holds for the day, of its person alone", async () => {
    const r = await running();
    const { askId } = await ask(r, { ...USED, of: "day" });
    await answer(r, askId, MORE);
    expect(await means(r)).toMatchObject({ dayBudget: { tokens: 170, usd: 5 } });
    const two = await ask(r, { ...USED, of: "day" }, 1);
    await answer(r, two.askId, MORE);
    expect(await means(r)).toMatchObject({ dayBudget: { tokens: 220, usd: 5 } });
    expect((await means(r)).conversationBudget).toBeUndefined();
    const rows = await r.b.t.run(async (ctx) => await ctx.db.query("dayBudgets").collect());
    expect(rows).toMatchObject([{ ownerId: ANN, day: DAY }]);
  });
});

describe("the budget of a conversation", () => {
  test("is set and taken back, and its runs are told that there is one", async () => {
    const r = await running();
    const set = async (budget: { tokens?: number; usd?: number } | null) =>
      await r.b.ann.mutation(api.conversations.setBudget, { id: r.conversationId, budget });
    expect((await set({ tokens: 10, usd: 0.5 })).budget).toEqual({ tokens: 10, usd: 0.5 });
    await complete(r.b, r.messageId, r.epoch, "Done.");
    const args = { internalKey: KEY, ownerId: ANN, conversationId: r.conversationId, content: "Go", policy: "cancel" as const };
    const sent = await r.b.t.mutation(api.system.messages.send, { ...args, externalId: "two" });
    expect(sent.events.at(-1)?.data).toMatchObject({ asksForMeans: true, hasBudget: true });
    expect((await set(null)).budget).toBeUndefined();
    for (const wrong of [{}, { tokens: -1 }, { tokens: 0.5 }, { usd: Number.NaN }, { usd: 1e9 }]) {
      expect(await code(set(wrong))).toBe("bad_budget");
    }
    const other = r.b.bob.mutation(api.conversations.setBudget, { id: r.conversationId, budget: null });
    expect(await code(other)).toBe("not_found");
  });

  test("is measured by all that its answers have taken", async () => {
    const r = await running();
    expect((await means(r)).conversation).toMatchObject({ requests: 0, inputTokens: 0, costMicros: 0 });
    const turn = { turn: 0, parts: [], stopReason: "end", model: "test/one", usage: { ...USAGE, costUsd: 0.25 }, droppedCalls: [] };
    const lease = { internalKey: KEY, messageId: r.messageId, epoch: r.epoch };
    await r.b.t.mutation(api.system.streaming.recordTurn, { ...lease, turn, toolCalls: [] });
    expect(await means(r)).toMatchObject({ conversation: { requests: 1, costMicros: 250_000 }, day: { requests: 1 } });
    const { b, conversationId } = r;
    expect(await code(b.t.query(api.system.usage.means, { internalKey: KEY, ownerId: BOB, conversationId, day: DAY }))).toBe("not_found");
  });
});
