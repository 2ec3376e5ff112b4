// The official browser client signs in, is refused, and stays signed in.
import { ConvexClient } from "convex/browser";
import { describe, expect, test } from "vitest";
import { api, internal } from "./behaviours/convex/_generated/api.js";
import { connect, last, open, proxy, server, serving } from "./browser.ts";
import { ADMIN_KEY } from "./server.ts";
import { agedToken, forgedToken, token } from "./tokens.ts";
import { eventually } from "./waiting.ts";

serving();

describe("signing in", () => {
  test("queries run as the token's person, and as nobody after signing out", async () => {
    const client = connect(server.url);
    const subjects: (string | null)[] = [];
    client.onUpdate(api.identity.me, {}, (me) => subjects.push(me === null ? null : me.subject));
    await eventually(
      () => subjects.length,
      (count) => count === 1,
    );
    const states: boolean[] = [];
    client.setAuth(
      () => token("ada", { name: "Ada" }),
      (isIn) => states.push(isIn),
    );
    await eventually(
      () => last(subjects),
      (subject) => subject === "ada",
    );
    expect(await client.mutation(api.identity.subject, {})).toBe("ada");
    expect(await client.action(api.identity.throughAction, {})).toEqual(["ada", "ada"]);
    let fetched = 0;
    client.setAuth(async () => {
      const made = await token("bob");
      fetched++;
      return made;
    });
    await eventually(
      () => last(subjects),
      (subject) => subject === "bob",
    );
    // The client asks for a fresh token once the first holds, and would sign in again with it after a sign-out.
    await eventually(
      () => fetched,
      (count) => count === 2,
    );
    client.client.clearAuth();
    await eventually(
      () => last(subjects),
      (subject) => subject === null,
    );
    expect(states[0]).toBe(true);
  });

  test("a token that runs out is replaced in time, and the person stays signed in", { timeout: 20_000 }, async () => {
    const client = new ConvexClient(server.url, { logger: false, authRefreshTokenLeewaySeconds: 2 });
    open.push(client);
    const subjects: (string | null)[] = [];
    let fetched = 0;
    client.setAuth(() => {
      fetched++;
      return token("ada", {}, "4s");
    });
    client.onUpdate(api.identity.me, {}, (me) => subjects.push(me === null ? null : me.subject));
    await eventually(
      () => fetched,
      (count) => count >= 3,
      12_000,
    ); // the first, a fresh one, and that of the schedule
    expect(await client.mutation(api.identity.subject, {})).toBe("ada");
    expect(new Set(subjects)).toEqual(new Set(["ada"]));
  });

  test("a token that ran out is refused, and a client that has a new one carries on", { timeout: 20_000 }, async () => {
    const client = connect(proxy.url);
    let fetched = 0;
    client.setAuth(() => {
      fetched++;
      return agedToken("ada");
    });
    expect(await client.mutation(api.identity.subject, {})).toBe("ada");
    const [before, ranOut] = [fetched, performance.now() + 3000];
    await eventually(
      () => performance.now(),
      (now) => now > ranOut,
    );
    expect(await client.mutation(api.identity.subject, {})).toBe("ada");
    expect(fetched).toBeGreaterThan(before);
    expect(proxy.seen.filter(({ type }) => type === "AuthError")).toHaveLength(1);
  });

  test("the admin calls internal functions over the socket, and acts as a person", async () => {
    const client = connect(server.url);
    const acting = client.client as unknown as { setAdminAuth(key: string, as?: { subject: string; issuer: string }): void };
    acting.setAdminAuth(ADMIN_KEY);
    expect(await client.query(internal.values.secret as never, {} as never)).toBe("internal");
    acting.setAdminAuth(ADMIN_KEY, { subject: "bob", issuer: "https://issuer.test" });
    expect(await client.query(api.identity.me, {})).toMatchObject({ subject: "bob" });
  });

  test("a forged token is refused and the client is told", async () => {
    const client = connect(server.url);
    const states: boolean[] = [];
    client.setAuth(
      () => forgedToken("ada"),
      (isIn) => states.push(isIn),
    );
    await eventually(
      () => last(states),
      (isIn) => isIn === false,
      8000,
    );
    expect(states).not.toContain(true);
    expect(await client.query(api.identity.me, {})).toBeNull();
  });

  test("a person stays signed in across a lost connection", async () => {
    const client = connect(proxy.url);
    client.setAuth(() => token("ada"));
    const subjects: (string | null)[] = [];
    client.onUpdate(api.identity.me, {}, (me) => subjects.push(me === null ? null : me.subject));
    await eventually(
      () => last(subjects),
      (subject) => subject === "ada",
    );
    const before = proxy.connections;
    proxy.cutAll();
    expect(await client.mutation(api.identity.subject, {})).toBe("ada");
    expect(proxy.connections).toBeGreaterThan(before);
    expect(last(subjects)).toBe("ada");
  });
});
