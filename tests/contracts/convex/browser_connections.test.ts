// The official browser client loses its connection, or its server.
import { describe, expect, test } from "vitest";
import { api } from "./behaviours/convex/_generated/api.js";
import { connect, last, proxy, server, serving, watchBalance } from "./browser.ts";
import { eventually } from "./waiting.ts";

serving();

const timestamp = (encoded: string): bigint => Buffer.from(encoded, "base64").readBigUInt64LE();

describe("lost connections", () => {
  test("a subscription goes on after the connection was cut, with what it missed", async () => {
    const [client, writer] = [connect(proxy.url), connect(server.url)];
    const values = watchBalance(client, "a");
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    proxy.cutAll();
    await writer.mutation(api.transactions.set, { name: "a", balance: 9 });
    await eventually(
      () => last(values),
      (value) => value === 9,
      8000,
    );
    expect(values).toEqual([0, 9]);
  });

  test("a mutation whose response was lost after the commit ran once, and resolves", async () => {
    const client = connect(proxy.url);
    const values = watchBalance(client, "a");
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    const { cuts } = proxy;
    proxy.cutAtNext("MutationResponse");
    expect(await client.mutation(api.transactions.add, { name: "a", amount: 1 })).toBe(1);
    expect(proxy.cuts).toBe(cuts + 1);
    expect(await connect(server.url).query(api.transactions.balance, { name: "a" })).toBe(1);
    expect(last(values)).toBe(1);
  });

  test("a transition that was lost after the response is made up for", async () => {
    const client = connect(proxy.url);
    const values = watchBalance(client, "a");
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    proxy.cutAtNext("Transition");
    expect(await client.mutation(api.transactions.add, { name: "a", amount: 1 })).toBe(1);
    expect(last(values)).toBe(1);
    expect(await client.mutation(api.transactions.add, { name: "a", amount: 1 })).toBe(2);
  });

  test("many mutations over a connection that keeps breaking each run once, in order", { timeout: 30_000 }, async () => {
    const client = connect(proxy.url);
    let responses = 0;
    proxy.judge(({ type }) => (type === "MutationResponse" && ++responses % 9 === 0 && responses < 20 ? "cut" : "forward"));
    const results = await Promise.all(Array.from({ length: 25 }, () => client.mutation(api.transactions.add, { name: "a", amount: 1 })));
    expect(results).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
    expect(responses).toBeGreaterThan(25);
    expect(await connect(server.url).query(api.transactions.balance, { name: "a" })).toBe(25);
  });
});

describe("a server that dies", () => {
  test("kill -9 loses nothing that was acknowledged, and clients carry on", { timeout: 30_000 }, async () => {
    const client = connect(server.url);
    const values = watchBalance(client, "a");
    const acknowledged = await client.mutation(api.transactions.add, { name: "a", amount: 1 });
    await server.kill();
    const pending = client.mutation(api.transactions.add, { name: "a", amount: 1 });
    await server.run();
    expect(await pending).toBe(acknowledged + 1);
    expect(last(values)).toBe(2);
    expect(await connect(server.url).query(api.transactions.balance, { name: "a" })).toBe(2);
  });

  test("a mutation that committed before kill -9 is not run again when the client resends it", { timeout: 30_000 }, async () => {
    const client = connect(proxy.url);
    await client.mutation(api.transactions.set, { name: "a", balance: 0 });
    let killed: Promise<void> | undefined;
    proxy.judge(({ type }) => {
      if (type !== "MutationResponse") return "forward";
      killed ??= server.kill().then(() => server.run());
      return "cut";
    });
    const result = client.mutation(api.transactions.add, { name: "a", amount: 1 });
    await eventually(() => killed !== undefined, Boolean);
    proxy.forwardAll();
    await killed;
    expect(await result).toBe(1);
    expect(await connect(server.url).query(api.transactions.balance, { name: "a" })).toBe(1);
  });

  test("the clock goes on after a restart: a client's observed timestamp is never ahead", { timeout: 30_000 }, async () => {
    const client = connect(proxy.url);
    const values = watchBalance(client, "a");
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    for (let round = 1; round <= 2; round++) {
      await client.mutation(api.transactions.add, { name: "a", amount: 1 });
      await server.kill();
      await server.run();
      await client.mutation(api.transactions.add, { name: "a", amount: 1 });
      expect(last(values)).toBe(round * 2);
    }
    expect(proxy.seen.filter(({ type }) => type === "FatalError")).toEqual([]);
    expect([...new Set(values)]).toEqual([0, 1, 2, 3, 4]); // a new connection may repeat a value
    const clock = proxy.seen.flatMap(({ endVersion }) => (endVersion === undefined ? [] : [timestamp(endVersion.ts)]));
    expect(clock.length).toBeGreaterThan(6);
    expect(clock).toEqual(clock.toSorted((a, b) => (a < b ? -1 : 1)));
  });
});
