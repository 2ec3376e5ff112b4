// @vitest-environment edge-runtime
// An export of an account reaches a row of every table that it is to hold, the owner's alone, and no secret.
import { describe, expect, test } from "vitest";
import { PLACES } from "../../convex/model/account_export.ts";
import { ANN, api, type Backend, backend, BOB, KEY, refusal } from "./backend.ts";
import { seed, TABLES } from "./seeded.ts";

const OF: Record<string, string> = { project: "projects", conversation: "conversations", message: "messages", call: "messages" };

async function rows({ t }: Backend, table: string, ids: Record<string, string>, ownerId = ANN) {
  const place = (PLACES as Record<string, unknown>)[table];
  const of = typeof place === "string" ? ids[OF[place] ?? ""] : undefined;
  return (await t.query(api.system.account.page, { internalKey: KEY, ownerId, table, of })).items as Record<string, unknown>[];
}

describe("an export", () => {
  test("holds a row of every table, or the list says why not", async () => {
    const b = backend();
    await seed(b, BOB, "of Bob");
    const ids = await seed(b, ANN, "of Ann");
    for (const table of TABLES) {
      const place: unknown = PLACES[table];
      if (typeof place === "object") {
        expect([table, (await refusal(rows(b, table, ids))).code]).toEqual([table, "not_exported"]);
        continue;
      }
      const found = await rows(b, table, ids);
      expect([table, found.length]).toEqual([table, 1]);
      expect([table, JSON.stringify(found).includes("of Bob")]).toEqual([table, false]);
    }
  });

  test("holds nothing of somebody else's", async () => {
    const b = backend();
    const ids = await seed(b, BOB, "of Bob");
    for (const table of TABLES) {
      const place: unknown = PLACES[table];
      if (place === "owner") expect([table, await rows(b, table, ids)]).toEqual([table, []]);
      else if (typeof place === "string") expect([table, (await refusal(rows(b, table, ids))).kind]).toEqual([table, "not_found"]);
    }
  });

  test("says no secret, and where the bytes of a blob are", async () => {
    const b = backend();
    const ids = await seed(b, ANN, "of Ann");
    const [account] = await rows(b, "githubAccounts", ids);
    expect(account).not.toHaveProperty("sealed");
    expect(account).toHaveProperty("login");
    const servers = JSON.stringify(await rows(b, "mcpServers", ids));
    expect(servers).toContain("of Ann url");
    expect(servers).not.toContain("of Ann env");
    expect(servers).not.toContain("of Ann headers");
    const [image] = await rows(b, "resultImages", ids);
    expect(image?.url).toMatch(/^https?:/);
  });

  test("comes in pages", async () => {
    const b = backend();
    const ids = await seed(b, ANN, "of Ann");
    await b.t.run(async (ctx) => {
      const row = { conversationId: ids.conversations as never, projectId: ids.projects as never, startedAt: 0, role: "user" as const };
      for (let order = 2; order < 26; order++) await ctx.db.insert("messages", { ...row, order, content: "hello" });
    });
    const seen: unknown[] = [];
    let cursor: string | undefined;
    for (;;) {
      const of = ids.conversations;
      const page = await b.t.query(api.system.account.page, { internalKey: KEY, ownerId: ANN, table: "messages", of, cursor });
      expect(page.items.length).toBeLessThanOrEqual(10);
      seen.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(seen.length).toBe(25);
  });
});
