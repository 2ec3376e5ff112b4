// The official browser client before the embedded Convex, for its tests: `serving()` starts one for all tests of a file.
import { ConvexClient } from "convex/browser";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { api } from "./behaviours/convex/_generated/api.js";
import { Proxy } from "./proxy.ts";
import { EmbeddedServer } from "./server.ts";

export let server: EmbeddedServer;
/** Between a client and the server, to see and to cut what is said. */
export let proxy: Proxy;
/** Closed after the test. */
export const open: ConvexClient[] = [];

export function serving(): void {
  beforeAll(async () => {
    server = await EmbeddedServer.start();
    proxy = await Proxy.before(server.url);
  });

  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  beforeEach(async () => {
    proxy.forwardAll();
    proxy.seen.length = 0;
    await connect(server.url).mutation(api.tables.clear, {});
  });

  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
  });
}

export function connect(url: string): ConvexClient {
  const client = new ConvexClient(url, { logger: false });
  open.push(client);
  return client;
}

/** The values of a live query, from the first on. */
export function watchBalance(client: ConvexClient, name: string): number[] {
  const values: number[] = [];
  client.onUpdate(api.transactions.balance, { name }, (value) => values.push(value));
  return values;
}

export const last = <T>(values: T[]): T | undefined => values.at(-1);
