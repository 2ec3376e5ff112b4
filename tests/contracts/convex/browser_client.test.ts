// The official browser client, unchanged, over its WebSocket to the embedded Convex: queries, mutations, pages.
import { ConvexHttpClient } from "convex/browser";
import { anyApi, type FunctionArgs } from "convex/server";
import { ConvexError, type Value } from "convex/values";
import { describe, expect, test } from "vitest";
import { api } from "./behaviours/convex/_generated/api.js";
import { connect, last, proxy, server, serving, watchBalance } from "./browser.ts";
import { eventually } from "./waiting.ts";

serving();

describe("live queries", () => {
  test("a subscriber sees the first value and each later one, until it leaves", async () => {
    const [watcher, writer] = [connect(server.url), connect(server.url)];
    const values: number[] = [];
    const leave = watcher.onUpdate(api.transactions.balance, { name: "a" }, (value) => values.push(value));
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    for (const amount of [1, 2]) {
      const { length } = values;
      await writer.mutation(api.transactions.add, { name: "a", amount });
      await eventually(
        () => values.length,
        (count) => count > length,
      );
    }
    leave();
    const other = watchBalance(watcher, "a");
    await writer.mutation(api.transactions.add, { name: "a", amount: 4 });
    await eventually(
      () => last(other),
      (value) => value === 7,
    );
    expect(values).toEqual([0, 1, 3]);
  });

  test("a write elsewhere sends nothing to a subscriber", async () => {
    const client = connect(proxy.url);
    const [a, b] = [watchBalance(client, "a"), watchBalance(client, "b")];
    await eventually(
      () => a.length + b.length,
      (count) => count === 2,
    );
    proxy.seen.length = 0;
    const writer = connect(server.url);
    await writer.mutation(api.transactions.set, { name: "elsewhere", balance: 1 });
    await writer.mutation(api.transactions.set, { name: "b", balance: 1 });
    await eventually(
      () => last(b),
      (value) => value === 1,
    );
    expect(a).toEqual([0]);
    expect(proxy.seen.filter(({ type }) => type === "Transition")).toHaveLength(1);
  });

  test("a write that leaves the result as it was sends nothing", async () => {
    const client = connect(proxy.url);
    const a = watchBalance(client, "a");
    await eventually(
      () => a.length,
      (count) => count === 1,
    );
    proxy.seen.length = 0;
    const writer = connect(server.url);
    await writer.mutation(api.transactions.set, { name: "a", balance: 0 });
    await writer.mutation(api.transactions.set, { name: "a", balance: 5 });
    await eventually(
      () => last(a),
      (value) => value === 5,
    );
    expect(a).toEqual([0, 5]);
  });

  test("every type of value arrives over the socket as it was sent", async () => {
    const client = connect(server.url);
    const value: Value = {
      big: 2n ** 62n,
      bytes: new Uint8Array([0, 255]).buffer,
      floats: [-0, Number.NaN, Number.POSITIVE_INFINITY, 1.5],
      text: "é 🎈",
      none: null,
    };
    await client.mutation(api.values.save, { key: "k", value });
    const seen: Value[] = [];
    client.onUpdate(api.values.load, { key: "k" }, (found) => seen.push(found));
    await eventually(
      () => seen.length,
      (count) => count === 1,
    );
    expect(seen[0]).toStrictEqual(value);
    expect(await client.action(api.values.echoAction, { value })).toStrictEqual(value);
  });

  test("a query that fails says so, and comes back when what it reads changes", async () => {
    const client = connect(server.url);
    const seen: (string | null)[] = [];
    const first = await client.mutation(api.rows.fill, { rows: [{ label: "one" }, { label: "two" }] });
    expect(first).toBeNull();
    client.onUpdate(
      api.rows.uniqueOfTwo,
      {},
      (label) => seen.push(label),
      (error) => seen.push(error.message),
    );
    await eventually(
      () => seen.length,
      (count) => count === 1,
    );
    expect(seen[0]).toMatch(/unique\(\)/);
    await connect(server.url).mutation(api.tables.clear, {});
    await eventually(
      () => last(seen),
      (value) => value === null,
    );
  });

  test("errors over the socket are what functions threw", async () => {
    const client = connect(server.url);
    const data = { code: "no_room", big: 7n };
    const thrown: unknown = await client.mutation(api.transactions.throwsData, { data }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ConvexError);
    expect((thrown as ConvexError<Value>).data).toStrictEqual(data);
    await expect(client.mutation(api.transactions.writesThenThrows, {})).rejects.toThrow(/after the write/);
    await expect(client.action(api.transactions.actionThatThrows, {})).rejects.toThrow(/after the mutation/);
    await expect(client.query(api.transactions.queryThrowsData, { data })).rejects.toThrow(/no_room/);
    await expect(client.mutation(anyApi["no"]!["such"] as never, {} as never)).rejects.toThrow(/Could not find public function/);
    await expect(client.mutation(api.transactions.add, { name: 1 } as never)).rejects.toThrow(/ArgumentValidationError/);
    expect(await client.query(api.transactions.balances, {})).toEqual({ stays: 1 });
  });
});

describe("mutations", () => {
  test("a mutation resolves when its own write is visible to the client's queries", async () => {
    const client = connect(server.url);
    const values = watchBalance(client, "a");
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    for (let i = 1; i <= 10; i++) {
      expect(await client.mutation(api.transactions.add, { name: "a", amount: 1 })).toBe(i);
      expect(last(values)).toBe(i);
    }
  });

  test("mutations of one client run in the order of their calls", async () => {
    const client = connect(server.url);
    const amounts = Array.from({ length: 30 }, () => 1);
    const results = await Promise.all(amounts.map((amount) => client.mutation(api.transactions.add, { name: "a", amount })));
    expect(results).toEqual(amounts.map((_, i) => i + 1));
  });

  test("an optimistic value shows at once and gives way to the server's without a flicker", async () => {
    const client = connect(server.url);
    const values = watchBalance(client, "a");
    await eventually(
      () => values.length,
      (count) => count === 1,
    );
    const calls = [1, 2].map((amount) =>
      client.mutation(
        api.transactions.add,
        { name: "a", amount },
        {
          optimisticUpdate: (local) => {
            const before = local.getQuery(api.transactions.balance, { name: "a" }) ?? 0;
            local.setQuery(api.transactions.balance, { name: "a" }, before + amount + 0.5);
          },
        },
      ),
    );
    await eventually(
      () => last(values),
      (value) => value === 4,
    );
    await Promise.all(calls);
    expect(last(values)).toBe(3);
    // Guesses add 0.5 each: 1.5, 4, then (first confirmed, second guessed) 3.5, then 3; transitions may be merged.
    expect(values.filter((value) => ![0, 1.5, 4, 3.5, 3].includes(value))).toEqual([]);
    const order = [0, 1.5, 4, 3.5, 3].filter((value) => values.includes(value));
    expect(values).toEqual(order);
  });
});

test("an optimistic value goes away when the mutation fails", async () => {
  const client = connect(server.url);
  const values: Record<string, number>[] = [];
  client.onUpdate(api.transactions.balances, {}, (value) => values.push(value));
  await eventually(
    () => values.length,
    (count) => count === 1,
  );
  const call = client.mutation(
    api.transactions.writesThenThrows,
    {},
    { optimisticUpdate: (local) => local.setQuery(api.transactions.balances, {}, { lost: 1 }) },
  );
  await expect(call).rejects.toThrow(/after the write/);
  await eventually(
    () => Object.keys(last(values) ?? {}).length,
    (count) => count === 0,
  );
  expect(values).toEqual([{}, { lost: 1 }, {}]);
});

test("pages of the paginated client stay gapless while random rows come and go", { timeout: 20_000 }, async () => {
  const [client, writer] = [connect(server.url), connect(server.url)];
  let state = 7;
  const below = (limit: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
  const ranks = new Set(Array.from({ length: 40 }, (_, i) => i * 10));
  await writer.mutation(api.posts.addMany, { list: "l", ranks: [...ranks] });
  let shown: number[] = [];
  const args = { list: "l" } as FunctionArgs<typeof api.posts.page>; // the client adds the rest
  const page = client.onPaginatedUpdate_experimental(api.posts.page, args, { initialNumItems: 5 }, (result) => {
    shown = (result as unknown as { results: { rank: number }[] }).results.map(({ rank }) => rank);
  });
  const status = () => (page.getCurrentValue() as { status?: string } | undefined)?.status;
  const all = () => [...ranks].toSorted((x, y) => x - y);
  await eventually(status, (found) => found === "CanLoadMore");
  let loaded = shown.length;
  for (let round = 0; round < 60; round++) {
    if (below(8) === 0 && status() === "CanLoadMore") {
      (page.getCurrentValue() as unknown as { loadMore(count: number): void }).loadMore(3);
      await eventually(status, (found) => found === "CanLoadMore" || found === "Exhausted");
      loaded++;
    }
    const rank = below(400);
    if (ranks.delete(rank)) {
      await writer.mutation(api.posts.remove, { list: "l", rank });
    } else {
      ranks.add(rank);
      await writer.mutation(api.posts.add, { list: "l", rank });
    }
    // What is shown is always the beginning of the whole list: no gap, no double, nothing left over.
    await eventually(() => JSON.stringify(shown) === JSON.stringify(all().slice(0, shown.length)), Boolean);
  }
  expect(loaded).toBeGreaterThan(5);
  while (status() !== "Exhausted") {
    if (status() === "CanLoadMore") (page.getCurrentValue() as unknown as { loadMore(count: number): void }).loadMore(20);
    await eventually(status, (found) => found === "CanLoadMore" || found === "Exhausted");
  }
  await eventually(() => JSON.stringify(shown) === JSON.stringify(all()), Boolean);
});

describe("the HTTP client", () => {
  test("consistent queries answer from one timestamp", async () => {
    const http = new ConvexHttpClient(server.url, { logger: false });
    await http.mutation(api.transactions.set, { name: "a", balance: 3 });
    expect(await http.consistentQuery(api.transactions.balance, { name: "a" })).toBe(3);
  });

  test("mutations of one client are queued in order unless asked otherwise", async () => {
    const http = new ConvexHttpClient(server.url, { logger: false });
    const add = () => http.mutation(api.transactions.add, { name: "a", amount: 1 });
    expect(await Promise.all(Array.from({ length: 10 }, add))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const unqueued = () => http.mutation(api.transactions.add, { name: "b", amount: 1 }, { skipQueue: true });
    const results = await Promise.all(Array.from({ length: 10 }, unqueued));
    expect(results.toSorted((x, y) => x - y)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});
