// Viewers: official Convex clients in one process, driven by lines of JSON.
// In:  {"op":"open","client":0,"url":"…","token":"…"?}   {"op":"subscribe","id":"a","client":0,"path":"mod:fn","args":{}}
//      {"op":"query"|"mutation","id":"a","client":0,"path":"mod:fn","args":{}}   (once)
//      {"op":"unsubscribe","id":"a"}   {"op":"clock"}    {"op":"close"}
// Out: {"id":"a","ns":"…","value":…} for each callback, {"id":"a","ns":"…","error":"…","data":…}, {"clock":"…"}
// `ns` is the monotonic clock of the machine, which Python's time.monotonic_ns reads too.
import { createInterface } from "node:readline";
import { ConvexClient } from "convex/browser";
import { makeFunctionReference, type FunctionReference } from "convex/server";
import { ConvexError } from "convex/values";

type Order =
  | { op: "open"; client: number; url: string; token?: string }
  | { op: "subscribe"; id: string; client: number; path: string; args: Record<string, unknown> }
  | { op: "query" | "mutation"; id: string; client: number; path: string; args: Record<string, unknown> }
  | { op: "unsubscribe"; id: string }
  | { op: "clock" }
  | { op: "close" };

const clients = new Map<number, ConvexClient>();
const subscriptions = new Map<string, () => void>();

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function now(): string {
  return String(process.hrtime.bigint());
}

function known(number: number): ConvexClient {
  const client = clients.get(number);
  if (client === undefined) throw new Error(`no client ${number}`);
  return client;
}

async function once(id: string, work: Promise<unknown>): Promise<void> {
  try {
    say({ id, ns: now(), value: (await work) ?? null });
  } catch (error) {
    const data: unknown = error instanceof ConvexError ? error.data : undefined;
    say({ id, ns: now(), error: error instanceof Error ? error.message : String(error), data });
  }
}

function obey(order: Order): void {
  switch (order.op) {
    case "open": {
      const client = new ConvexClient(order.url, { skipConvexDeploymentUrlCheck: true });
      const { token } = order;
      if (token !== undefined) client.setAuth(async () => token);
      clients.set(order.client, client);
      return;
    }
    case "subscribe": {
      const client = known(order.client);
      const { id } = order;
      const query: FunctionReference<"query"> = makeFunctionReference<"query">(order.path);
      const stop = client.onUpdate(
        query,
        order.args,
        (value: unknown) => say({ id, ns: now(), value }),
        (error) => say({ id, ns: now(), error: error.message }),
      );
      subscriptions.set(id, () => stop());
      return;
    }
    case "query":
      void once(order.id, known(order.client).query(makeFunctionReference<"query">(order.path), order.args));
      return;
    case "mutation":
      void once(order.id, known(order.client).mutation(makeFunctionReference<"mutation">(order.path), order.args));
      return;
    case "unsubscribe":
      subscriptions.get(order.id)?.();
      subscriptions.delete(order.id);
      return;
    case "clock":
      say({ clock: now() });
      return;
    case "close":
      process.exit(0);
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => obey(JSON.parse(line) as Order));
lines.on("close", () => process.exit(0)); // its starter is gone
