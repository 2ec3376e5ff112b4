// @vitest-environment edge-runtime
// The writing of an answer: its three ends, its attempts, and its waits.
import { describe, expect, test } from "vitest";
import { ANN, api, append, type Backend, backend, begin, chat, complete, fail, KEY, message, refusal, send } from "./backend.ts";
import { cancel, running } from "./running.ts";

describe("the end of a message", () => {
  const ways = {
    complete: (b: Backend, id: string, epoch: number) => complete(b, id, epoch, "whole"),
    fail: (b: Backend, id: string) => fail(b, id),
    cancel: (b: Backend, id: string) => cancel(b, id),
  };
  const status = { complete: "completed", fail: "failed", cancel: "cancelled" } as const;
  const names = ["complete", "fail", "cancel"] as const;

  for (const first of names) {
    for (const second of names) {
      test(`${first}, then ${second}: it stays ${status[first]}`, async () => {
        const { b, messageId, epoch } = await running();
        await append(b, messageId, epoch, [0, 0, "par"], [1, 0, "tial"]);
        await ways[first](b, messageId, epoch);
        const before = await message(b, messageId);
        expect(before.status).toBe(status[first]);
        expect(before.content).toBe(first === "complete" ? "whole" : "partial");
        const isRefused = second === "complete" && first !== "complete";
        if (isRefused) {
          const data = await refusal(ways.complete(b, messageId, epoch));
          expect(data.code).toBe("generation_closed");
        } else {
          await ways[second](b, messageId, epoch);
        }
        expect(await message(b, messageId)).toEqual(before);
      });
    }
  }

  test("a final message takes no new attempt", async () => {
    const { b, messageId, epoch } = await running();
    await complete(b, messageId, epoch, "whole");
    expect((await refusal(begin(b, messageId, "run-2"))).code).toBe("generation_closed");
  });

  test("a failure of a run that was overtaken changes nothing", async () => {
    const { b, messageId } = await running();
    await begin(b, messageId, "run-2");
    await fail(b, messageId, "run-1");
    expect((await message(b, messageId)).status).toBe("processing");
    await fail(b, messageId, "run-2");
    expect((await message(b, messageId)).status).toBe("failed");
  });

  test("a text longer than a document comes back whole", async () => {
    const { b, messageId, epoch } = await running();
    const text = "aé😀".repeat(300_000);
    await complete(b, messageId, epoch, text);
    expect((await message(b, messageId)).content).toBe(text);
    const doc = await b.ann.query(api.messages.get, { messageId });
    expect(doc.isCut).toBe(true);
    expect(doc.content.length).toBeLessThan(250_000);
    expect(await b.ann.query(api.messages.text, { messageId })).toBe(text);
  });
});

describe("generations", () => {
  test("of before a retry cannot take the message back", async () => {
    const { b, messageId } = await running();
    await fail(b, messageId);
    const args = { internalKey: KEY, ownerId: ANN, messageId };
    const policy = "cancel" as const;
    const again = await b.t.mutation(api.system.messages.retry, { ...args, policy, externalId: "k" });
    const take = async (generationId: string) =>
      await b.t.mutation(api.system.streaming.begin, {
        internalKey: KEY,
        messageId,
        runId: "r",
        generationId,
      });
    expect((await refusal(take(messageId))).code).toBe("generation_closed");
    expect((await take(again.eventId)).epoch).toBe(2);
  });

  test("are stale when they were silent for long, and not once they are final", async () => {
    const { b, messageId, epoch } = await running();
    const stale = async (before: number) =>
      (await b.t.query(api.system.generations.stale, { internalKey: KEY, before, limit: 10 })).map((row) => row.messageId);
    expect(await stale(Date.now() - 10_000)).toEqual([]);
    expect(await stale(Date.now() + 1_000)).toEqual([messageId]);
    await complete(b, messageId, epoch, "whole");
    expect(await stale(Date.now() + 1_000)).toEqual([]);
  });

  test("the first run that is noted stays until another begins", async () => {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    const attach = (runId: string) => b.t.mutation(api.system.generations.confirm, { internalKey: KEY, messageId, runId });
    await attach("run-1");
    await attach("run-2");
    expect((await message(b, messageId)).runId).toBe("run-1");
    await begin(b, messageId, "run-3");
    expect((await message(b, messageId)).runId).toBe("run-3");
  });
});

describe("an answer that waits for the provider", () => {
  const until = 1_900_000_000_000;

  async function waiting() {
    const b = backend();
    const { conversationId } = await chat(b);
    const { messageId } = await send(b, conversationId);
    const { epoch } = await begin(b, messageId);
    const lease = { internalKey: KEY, messageId, epoch };
    await b.t.mutation(api.system.streaming.waitUntil, { ...lease, until });
    const seen = async () => (await b.ann.query(api.messages.get, { messageId })).waitingUntil;
    return { b, messageId, epoch, lease, seen };
  }

  test("says so to its reader and to the next attempt, until it goes on", async () => {
    const { b, messageId, lease, seen } = await waiting();
    expect(await seen()).toBe(until);
    const args = { internalKey: KEY, messageId, maxChars: 0 };
    expect((await b.t.query(api.system.messages.context, args)).message.waitingUntil).toBe(until);
    await b.t.mutation(api.system.streaming.waitUntil, lease);
    expect(await seen()).toBeUndefined();
  });

  test("waits no more once it is final", async () => {
    const ends = [
      ({ b, messageId, epoch }: Awaited<ReturnType<typeof waiting>>) => complete(b, messageId, epoch, "whole"),
      ({ b, messageId }: Awaited<ReturnType<typeof waiting>>) => fail(b, messageId),
      ({ b, messageId }: Awaited<ReturnType<typeof waiting>>) => cancel(b, messageId),
    ];
    for (const end of ends) {
      const run = await waiting();
      await end(run);
      expect(await run.seen()).toBeUndefined();
      const late = run.b.t.mutation(api.system.streaming.waitUntil, { ...run.lease, until });
      expect((await refusal(late)).code).toBe("generation_closed");
    }
  });
});
