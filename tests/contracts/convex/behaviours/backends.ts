// The two servers that must behave alike: the embedded Convex in its own process, and convex-test in this one.
import { ConvexHttpClient } from "convex/browser";
import type { FunctionArgs, FunctionReference, FunctionReturnType } from "convex/server";
import { ConvexError, type Value } from "convex/values";
import { convexTest } from "convex-test";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EmbeddedServer } from "../server.ts";
import { token } from "../tokens.ts";
import { api } from "./convex/_generated/api.js";
import schema from "./convex/schema.ts";

type Reference<Type extends "query" | "mutation" | "action"> = FunctionReference<Type, "public">;
export type Person = { subject: string; name?: string; email?: string; role?: string };

export interface Backend {
  query<F extends Reference<"query">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>>;
  mutation<F extends Reference<"mutation">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>>;
  action<F extends Reference<"action">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  as(person: Person): Promise<Backend>;
}

/** The official HTTP client over the embedded server. */
export class Embedded implements Backend {
  private readonly url: string;
  private readonly client: ConvexHttpClient;

  constructor(url: string, jwt?: string) {
    this.url = url;
    this.client = new ConvexHttpClient(url, { logger: false });
    if (jwt !== undefined) this.client.setAuth(jwt);
  }

  query<F extends Reference<"query">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
    return this.client.query(f as FunctionReference<"query">, args);
  }

  mutation<F extends Reference<"mutation">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
    return this.client.mutation(f as FunctionReference<"mutation">, args);
  }

  action<F extends Reference<"action">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
    return this.client.action(f as FunctionReference<"action">, args);
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }

  async as({ subject, ...claims }: Person): Promise<Backend> {
    return new Embedded(this.url, await token(subject, claims));
  }
}

type Simulation = Pick<ReturnType<typeof convexTest<typeof schema.tables>>, "query" | "mutation" | "action" | "fetch"> & {
  withIdentity?: (identity: Person & { issuer: string }) => Simulation;
};

/** convex-test over the same folder. */
class Simulated implements Backend {
  private readonly simulation: Simulation;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  query<F extends Reference<"query">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
    return this.simulation.query(f as FunctionReference<"query">, args);
  }

  mutation<F extends Reference<"mutation">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
    return this.simulation.mutation(f as FunctionReference<"mutation">, args);
  }

  action<F extends Reference<"action">>(f: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
    return this.simulation.action(f as FunctionReference<"action">, args);
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return this.simulation.fetch(path, init);
  }

  as(person: Person): Promise<Backend> {
    const { withIdentity } = this.simulation;
    if (withIdentity === undefined) throw new Error("this one has an identity already");
    return Promise.resolve(new Simulated(withIdentity({ ...person, issuer: "https://issuer.test" })));
  }
}

const modules = import.meta.glob("./convex/**/*.*s");

function simulated(): Backend {
  return new Simulated(convexTest({ schema, modules, transactionLimits: true }) as unknown as Simulation);
}

let server: EmbeddedServer;

/** The address of this file's embedded server, for what the official client cannot say. */
export function embeddedUrl(): string {
  return server.url;
}

/** Start one embedded server for this test file. */
export function serveBehaviours(): void {
  beforeAll(async () => {
    server = await EmbeddedServer.start();
  });
  afterAll(() => server.stop());
}

async function emptied(): Promise<Backend> {
  const backend = new Embedded(server.url);
  await backend.mutation(api.tables.clear, {});
  return backend;
}

/** One behaviour, run on both servers, each with empty tables; both must give `expected`. */
export function behaviour(name: string, run: (backend: Backend) => Promise<unknown>, expected: unknown): void {
  describe(name, () => {
    test("embedded", async () => expect(await run(await emptied())).toStrictEqual(expected));
    test("convex-test", async () => expect(await run(simulated())).toStrictEqual(expected));
  });
}

/** convex-test is known to do otherwise than Convex; the embedded server must do as Convex does.
 *  When convex-test follows one day, this fails and becomes a `behaviour`. */
export function deviation(
  name: string,
  run: (backend: Backend) => Promise<unknown>,
  expected: { convex: unknown; convexTest: unknown },
): void {
  describe(name, () => {
    test("embedded, as Convex", async () => expect(await run(await emptied())).toStrictEqual(expected.convex));
    test("convex-test, otherwise", async () => expect(await run(simulated())).toStrictEqual(expected.convexTest));
  });
}

/** Only the embedded server has this at all. */
export function embeddedOnly(name: string, run: (backend: Backend) => Promise<unknown>, expected: unknown): void {
  test(`${name} (embedded only)`, async () => expect(await run(await emptied())).toStrictEqual(expected));
}

/** "refused" when it fails with a text that matches; else what happened instead. */
export async function refusal(call: Promise<unknown>, text: RegExp): Promise<string> {
  try {
    return `gave ${JSON.stringify(await call)}`;
  } catch (error) {
    const { message } = error as Error;
    return text.test(message) ? "refused" : message;
  }
}

/** The data of the ConvexError that it fails with. */
export async function errorData(call: Promise<unknown>): Promise<Value | string> {
  try {
    return `gave ${JSON.stringify(await call)}`;
  } catch (error) {
    return error instanceof ConvexError ? (error.data as Value) : `not a ConvexError: ${(error as Error).message}`;
  }
}
