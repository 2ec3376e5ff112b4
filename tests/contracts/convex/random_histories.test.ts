// Random histories: whatever clients see must be states that the store was in, in order, and the last one must arrive.
//
// Each mutation returns its ordinal, so the serial history can be replayed on a model. A subscriber's transitions
// are snapshots over several queries at once: each must be the model's state after some ordinal, never an older one
// than before. Ordinals without gap or double say that every mutation ran exactly once.
import { BaseConvexClient, ConvexClient, ConvexHttpClient } from "convex/browser";
import type { Value } from "convex/values";
import { afterAll, beforeAll, expect, test } from "vitest";
import { api } from "./behaviours/convex/_generated/api.js";
import { Proxy } from "./proxy.ts";
import { EmbeddedServer } from "./server.ts";
import { eventually } from "./waiting.ts";

type Step = { name: string; balance: number | null };
type State = ReadonlyMap<string, number>;
type Watched = { path: string; args: Record<string, Value>; of: (state: State) => unknown };
type Snapshot = Map<Watched, unknown>;

const NAMES = ["a", "b", "c", "d", "e", "f"];
const sorted = (state: State) => [...state].sort(([a], [b]) => (a < b ? -1 : 1));

const WATCHABLE: Watched[] = [
  ...NAMES.slice(0, 3).map((name) => ({ path: "transactions:balance", args: { name }, of: (s: State) => s.get(name) ?? 0 })),
  { path: "transactions:balances", args: {}, of: (s) => Object.fromEntries(s) },
  ...[1, 3].map((count) => ({
    path: "histories:first",
    args: { count },
    of: (s: State) =>
      sorted(s)
        .slice(0, count)
        .map(([name]) => name),
  })),
  ...[
    ["a", "c"],
    ["b", "f"],
    ["e", "z"],
  ].map(([from, to]) => ({
    path: "histories:between",
    args: { from: from as string, to: to as string },
    of: (s: State) =>
      sorted(s)
        .filter(([name]) => name >= from! && name < to!)
        .map(([name, balance]) => `${name}=${balance}`),
  })),
];

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Dice {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = generator(seed);
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  steps(): Step[] {
    return Array.from({ length: 1 + this.below(3) }, () => ({
      name: this.pick(NAMES),
      balance: this.chance(0.3) ? null : this.below(5),
    }));
  }
}

class Subscriber {
  readonly snapshots: Snapshot[] = [];
  private readonly client: BaseConvexClient;
  private readonly watched = new Map<Watched, () => void>();

  constructor(url: string) {
    this.client = new BaseConvexClient(url, () => this.look(), { logger: false, unsavedChangesWarning: false });
  }

  /** Start or stop watching one of the queries. */
  toggle(query: Watched): void {
    const leave = this.watched.get(query);
    if (leave !== undefined) {
      this.watched.delete(query);
      leave();
      return;
    }
    this.watched.set(query, this.client.subscribe(query.path, query.args).unsubscribe);
  }

  watchAll(): void {
    for (const query of WATCHABLE) if (!this.watched.has(query)) this.toggle(query);
  }

  get last(): Snapshot {
    return this.snapshots.at(-1) ?? new Map<Watched, unknown>();
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private look(): void {
    const snapshot: Snapshot = new Map();
    for (const query of this.watched.keys()) {
      const value = this.client.localQueryResult(query.path, query.args);
      if (value !== undefined) snapshot.set(query, value);
    }
    this.snapshots.push(snapshot);
  }
}

function replay(history: readonly Step[][]): State[] {
  const states: State[] = [new Map()];
  for (const steps of history) {
    const next = new Map(states.at(-1));
    for (const { name, balance } of steps) {
      if (balance === null) next.delete(name);
      else next.set(name, balance);
    }
    states.push(next);
  }
  return states;
}

const agrees = (snapshot: Snapshot, state: State): boolean =>
  [...snapshot].every(([query, value]) => JSON.stringify(canonical(value)) === JSON.stringify(canonical(query.of(state))));

function canonical(value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The first snapshot that is no state of the store at or after the one before it; null when there is none. */
function firstImpossible(snapshots: readonly Snapshot[], states: readonly State[]): number | null {
  let at = 0;
  for (const [index, snapshot] of snapshots.entries()) {
    // The earliest state that fits leaves the most room for those that follow.
    while (at < states.length && !agrees(snapshot, states[at]!)) at++;
    if (at === states.length) return index;
  }
  return null;
}

let server: EmbeddedServer;
let proxy: Proxy;

beforeAll(async () => {
  server = await EmbeddedServer.start();
  proxy = await Proxy.before(server.url);
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

async function runHistory(seed: number, { mutations, cuts, kills }: { mutations: number; cuts: number; kills: number }): Promise<void> {
  const dice = new Dice(seed);
  await new ConvexHttpClient(server.url, { logger: false }).mutation(api.tables.clear, {});
  const writers = [1, 2, 3].map(() => new ConvexClient(proxy.url, { logger: false, unsavedChangesWarning: false }));
  const direct = new ConvexHttpClient(server.url, { logger: false });
  const subscribers = [1, 2, 3, 4].map(() => new Subscriber(proxy.url));
  // Each sees the start: one whose reconnecting takes longer than the whole history would see nothing but its end.
  for (const subscriber of subscribers) subscriber.toggle(dice.pick(WATCHABLE));
  await eventually(() => subscribers.every(({ snapshots }) => snapshots.length > 0), Boolean, 10_000);
  const history: Step[][] = [];
  const running = new Set<Promise<void>>();
  const pickCalls = (count: number) => new Set(Array.from({ length: count }, () => dice.below(mutations)));
  const [cutAt, killAt] = [pickCalls(cuts), pickCalls(kills)];

  const write = async (steps: Step[], mustFail: boolean, overHttp: boolean): Promise<void> => {
    const call = (overHttp ? direct : dice.pick(writers)).mutation(api.histories.apply, { steps, mustFail });
    if (mustFail) {
      await expect(call).rejects.toThrow(/never happened/);
      return;
    }
    const ordinal = await call;
    expect(history[ordinal - 1]).toBeUndefined();
    history[ordinal - 1] = steps;
  };

  for (let i = 0; i < mutations; i++) {
    if (dice.chance(0.2)) dice.pick(subscribers).toggle(dice.pick(WATCHABLE));
    const overHttp = kills === 0 && dice.chance(0.3);
    const call = write(dice.steps(), dice.chance(0.1), overHttp).finally(() => running.delete(call));
    running.add(call);
    if (running.size >= 6) await Promise.race(running);
    if (cutAt.has(i)) proxy.cutAll();
    if (killAt.has(i)) {
      await server.kill();
      await server.run();
    }
  }
  await Promise.all(running);

  const states = replay(history);
  expect(Object.keys(history)).toHaveLength(history.length); // no ordinal is missing
  const end = states.at(-1)!;
  for (const subscriber of subscribers) {
    subscriber.watchAll();
    await eventually(() => subscriber.last.size === WATCHABLE.length && agrees(subscriber.last, end), Boolean, 10_000);
    const bad = firstImpossible(subscriber.snapshots, states);
    expect(bad === null ? null : [...subscriber.snapshots[bad]!].map(([query, value]) => [query.path, query.args, value])).toBeNull();
    expect(subscriber.snapshots.length).toBeGreaterThan(1);
  }
  await Promise.all([...writers, ...subscribers].map((client) => client.close()));
}

test.each([1, 2, 3, 4, 5])("subscribers see only states of the store, in order, and the last (seed %i)", async (seed) => {
  await runHistory(seed, { mutations: 150, cuts: 0, kills: 0 });
});

test.each([11, 12])("the same while connections break (seed %i)", { timeout: 30_000 }, async (seed) => {
  await runHistory(seed, { mutations: 120, cuts: 3, kills: 0 });
});

test.each([21, 22])("the same while the server is killed (seed %i)", { timeout: 40_000 }, async (seed) => {
  await runHistory(seed, { mutations: 80, cuts: 1, kills: 2 });
});

test("the check itself refuses what cannot be: a state never reached, and one out of order", () => {
  const [query] = WATCHABLE as [Watched];
  const states = replay([[{ name: "a", balance: 1 }], [{ name: "a", balance: 2 }]]);
  const seen = (...values: number[]) => values.map((value) => new Map([[query, value]]));
  expect(firstImpossible(seen(0, 1, 1, 2), states)).toBeNull();
  expect(firstImpossible(seen(0, 2), states)).toBeNull();
  expect(firstImpossible(seen(0, 3), states)).toBe(1);
  expect(firstImpossible(seen(2, 1), states)).toBe(1);
});
