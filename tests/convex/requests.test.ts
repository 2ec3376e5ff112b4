// @vitest-environment edge-runtime
// What is open and silent is shown to the reaper, with whether its event is on its way; what was looked at is not.
import { expect, test } from "vitest";
import { ANN, api, type Backend, backend, KEY } from "./backend.ts";

const LATER = Date.now() + 3_600_000;

async function generating(b: Backend) {
  const asked = { internalKey: KEY, ownerId: ANN, externalId: "g", name: "P", description: "d".repeat(20), stack: "next" };
  const { generation } = await b.t.mutation(api.system.generating.request, asked);
  return generation.projectGenerationId;
}

const stale = async (b: Backend, before = LATER) => await b.t.query(api.system.requests.stale, { internalKey: KEY, before });

test("an open generation is named with its event, until this was taken", async () => {
  const b = backend();
  const id = await generating(b);
  expect(await stale(b)).toEqual([{ kind: "generation", requestId: id, eventId: id, isOnItsWay: true }]);
  await b.t.mutation(api.system.outbox.ack, { internalKey: KEY, eventIds: [id] });
  expect(await stale(b)).toMatchObject([{ isOnItsWay: false }]);
  await b.t.mutation(api.system.generating.fail, { internalKey: KEY, projectGenerationId: id, error: "e", errorCode: "c" });
  expect(await stale(b)).toEqual([]);
});

test("an event that the engine refused is not on its way", async () => {
  const b = backend();
  const id = await generating(b);
  await b.t.mutation(api.system.outbox.setAside, { internalKey: KEY, eventId: id, error: "refused" });
  expect(await stale(b)).toMatchObject([{ isOnItsWay: false }]);
});

test("a row from before there were signs of life is silent, and is not once it was looked at", async () => {
  const b = backend();
  const id = await generating(b);
  await b.t.run(async (ctx) => await ctx.db.patch(id, { heartbeatAt: undefined }));
  const now = Date.now() - 60_000;
  expect(await stale(b, now)).toMatchObject([{ requestId: id }]);
  await b.t.mutation(api.system.requests.confirm, { internalKey: KEY, kind: "generation", requestId: id });
  expect(await stale(b, now)).toEqual([]);
});

test("what is over, gone or no id is left as it is", async () => {
  const b = backend();
  const id = await generating(b);
  await b.t.mutation(api.system.generating.fail, { internalKey: KEY, projectGenerationId: id, error: "e", errorCode: "c" });
  const before = await b.t.run(async (ctx) => await ctx.db.get(id));
  for (const requestId of [id, "nothing"]) {
    for (const kind of ["generation", "transfer"] as const) {
      await b.t.mutation(api.system.requests.confirm, { internalKey: KEY, kind, requestId });
    }
  }
  expect(await b.t.run(async (ctx) => await ctx.db.get(id))).toEqual(before);
});
