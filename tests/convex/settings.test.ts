// @vitest-environment edge-runtime
// What a project chooses: changed field by field, by its owner, within bounds, and told to the runs that it is for.
import { describe, expect, test } from "vitest";
import { ANN, api, backend, chat, KEY, refusal, send } from "./backend.ts";

describe("the settings of a project", () => {
  test("are changed field by field; null takes one back", async () => {
    const b = backend();
    const { projectId } = await chat(b);
    const update = async (change: Parameters<typeof Object.keys>[0]) =>
      await b.ann.mutation(api.settings.update, { projectId, change: change as Record<string, never> });
    expect(await b.ann.query(api.settings.get, { projectId })).toEqual({});
    await update({ toolSet: "ids", registries: ["npm.example.com:443"] });
    await update({ devCommand: "pnpm dev", toolSet: null });
    const now = { devCommand: "pnpm dev", registries: ["npm.example.com:443"] };
    expect(await update({})).toEqual(now);
    expect(await b.ann.query(api.settings.get, { projectId })).toEqual(now);
    expect((await b.ann.query(api.projects.getById, { id: projectId })).settings).toEqual(now);
  });

  test("keep what the commands of the preview say nothing of", async () => {
    const b = backend();
    const { projectId } = await chat(b);
    await b.ann.mutation(api.settings.update, { projectId, change: { installCommand: "pnpm i", toolSet: "ids" } });
    await b.ann.mutation(api.projects.updateSettings, { id: projectId, settings: { devCommand: "pnpm dev" } });
    expect(await b.ann.query(api.settings.get, { projectId })).toEqual({ devCommand: "pnpm dev", toolSet: "ids" });
  });

  test("are bounded, and unknown ones are refused", async () => {
    const b = backend();
    const { projectId } = await chat(b);
    const update = async (change: object) =>
      await b.ann.mutation(api.settings.update, { projectId, change: change as Record<string, never> });
    const bad = [
      { devCommand: "x".repeat(1_001) },
      { registries: Array.from({ length: 51 }, (_, i) => `r${i}.example.com:443`) },
      { registries: ["npm.example.com"] },
      { registries: ["NPM.example.com:443"] },
      { registries: ["a.example.com:443,b.example.com:443"] },
      { approvals: Array.from({ length: 51 }, () => ({ tool: "writeFile", policy: "ask" })) },
      { approvals: [{ tool: " ", policy: "ask" }] },
      { approvals: [{ tool: "writeFile", pattern: "", policy: "ask" }] },
      { approvals: [{ tool: "writeFile", pattern: "x".repeat(401), policy: "ask" }] },
    ];
    for (const change of bad) expect((await refusal(update(change))).code).toBe("bad_settings");
    await expect(update({ colour: "red" })).rejects.toThrow("colour");
    await expect(update({ toolSet: "names" })).rejects.toThrow();
    expect(await b.ann.query(api.settings.get, { projectId })).toEqual({});
  });

  test("stand in the event of each message that is sent from then on", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    const told = async () => (await send(b, conversationId)).events.at(-1)?.data ?? {};
    expect(Object.keys(await told()).toSorted()).toEqual(["asksForMeans", "conversationId", "messageId", "projectId"]);
    await b.ann.mutation(api.settings.update, {
      projectId,
      change: { toolSet: "ids", registries: ["a.example.com:1", "b.example.com:2"] },
    });
    expect(await told()).toMatchObject({ toolSet: "ids", registries: "a.example.com:1,b.example.com:2" });
    await b.ann.mutation(api.settings.update, { projectId, change: { toolSet: "paths", registries: [] } });
    expect(await told()).toMatchObject({ toolSet: "paths", registries: "" });
  });

  test("stand in the event of a generation, and are told to whoever has the token of the project", async () => {
    const b = backend();
    const { projectId } = await chat(b);
    await b.ann.mutation(api.settings.update, { projectId, change: { registries: [] } });
    const owned = { internalKey: KEY, ownerId: ANN, projectId };
    const request = { ...owned, externalId: "g", name: "P", description: "A shop", stack: "vite-react" };
    const { events } = await b.t.mutation(api.system.generating.request, request);
    expect(events.map((event) => event.data["registries"])).toEqual([""]);
    await b.t.mutation(api.system.mcp.setToken, { ...owned, hash: "h" });
    const holder = await b.t.query(api.system.mcp.holder, { internalKey: KEY, hash: "h" });
    expect(holder?.settings).toEqual({ registries: [] });
  });
});
