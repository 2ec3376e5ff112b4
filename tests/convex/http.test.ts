// @vitest-environment edge-runtime
// HTTP actions: a project is generated for who is signed in, and for nobody else.
import { afterEach, describe, expect, test } from "vitest";
import { api, backend } from "./backend.ts";

afterEach(() => {
  delete process.env.POLARIS_PROJECT_LIMIT;
});

type Person = ReturnType<typeof backend>["ann"];
const DESCRIPTION = "A shop for second-hand bicycles";

async function post(who: Pick<Person, "fetch">, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await who.fetch("/generate-project", { method: "POST", body: text, headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

describe("POST /generate-project", () => {
  test("makes a project, and its event is due at once", async () => {
    const b = backend();
    const { status, body } = await post(b.ann, { description: DESCRIPTION });
    expect({ status, success: body.success }).toEqual({ status: 200, success: true });
    const id = body.projectId as never;
    expect((await b.ann.query(api.projects.getGeneration, { projectId: id }))?._id).toBe(body.id);
    const events = await b.t.run(async (ctx) => await ctx.db.query("outbox").take(5));
    expect(events.map((event) => [event.name, event.userId, event.dueAt <= Date.now()])).toEqual([
      ["project/generate-requested", "ann", true],
    ]);
  });

  test("goes on with a project, once at a time", async () => {
    const b = backend();
    const projectId = await b.ann.mutation(api.projects.create, { name: "Shop" });
    const wrong = await post(b.ann, { projectId });
    expect([wrong.status, wrong.body.code]).toEqual([400, "no_description"]);
    const made = await post(b.ann, { projectId, description: DESCRIPTION });
    expect([made.status, made.body.projectId]).toEqual([200, projectId]);
    const again = await post(b.ann, { projectId, description: DESCRIPTION });
    expect([again.status, again.body.code]).toEqual([409, "generation_in_progress"]);
  });

  test("does it once for one key", async () => {
    const b = backend();
    const key = { "Idempotency-Key": "k" };
    const made = await post(b.ann, { description: DESCRIPTION }, key);
    expect(await post(b.ann, { description: DESCRIPTION }, key)).toEqual(made);
    expect(await b.ann.query(api.projects.get, {})).toHaveLength(1);
  });

  test("is refused to strangers, past the plan, and for bodies that are none", async () => {
    const b = backend();
    expect(await post(b.t as never, { description: DESCRIPTION })).toEqual({
      status: 401,
      body: { error: "Unauthorized", code: "unauthorized" },
    });
    const { projectId } = (await post(b.ann, { description: DESCRIPTION })).body;
    expect((await post(b.bob, { projectId, description: DESCRIPTION })).status).toBe(404);
    expect((await post(b.ann, { projectId: "nothing", description: DESCRIPTION })).status).toBe(404);
    for (const body of ["", "{", "[]", "null", "7", { description: 7 }, { projectId: [] }, {}, { description: " " }]) {
      expect((await post(b.ann, body)).status).toBe(400);
    }
    process.env.POLARIS_PROJECT_LIMIT = "1";
    const full = await post(b.ann, { description: DESCRIPTION });
    expect([full.status, full.body.limit]).toEqual([403, "1"]);
  });
});
