// Functions for our own processes: `systemQuery` and `systemMutation` check the internal key before anything else, also
// before the arguments: a stranger does not learn what a function takes, and does not have it compared.
import type { RegisteredMutation, RegisteredQuery } from "convex/server";
import { type Infer, type ObjectType, type PropertyValidators, type Validator, type VString, v } from "convex/values";
import { type MutationCtx, mutation, type QueryCtx, query } from "../_generated/server";
import { checkedArguments } from "./arguments.ts";
import { denied } from "./errors.ts";

type Returns = Validator<unknown, "required", string>;
type WithKey<A extends PropertyValidators> = ObjectType<A & { internalKey: VString }>;
interface Definition<Ctx, A extends PropertyValidators, R extends Returns> {
  args: A;
  returns: R;
  handler: (ctx: Ctx, args: ObjectType<A>) => Promise<Infer<R>>;
}

export function systemQuery<A extends PropertyValidators, R extends Returns>(
  definition: Definition<QueryCtx, A, R>,
): RegisteredQuery<"public", WithKey<A>, Promise<Infer<R>>> {
  const registered = query({
    args: v.any(), // judged after the key
    returns: definition.returns,
    handler: async (ctx, args) => (await definition.handler(ctx, admitted(ctx, definition.args, args))) as never,
  });
  return registered;
}

export function systemMutation<A extends PropertyValidators, R extends Returns>(
  definition: Definition<MutationCtx, A, R>,
): RegisteredMutation<"public", WithKey<A>, Promise<Infer<R>>> {
  const registered = mutation({
    args: v.any(), // judged after the key
    returns: definition.returns,
    handler: async (ctx, args) => (await definition.handler(ctx, admitted(ctx, definition.args, args))) as never,
  });
  return registered;
}

/** The arguments, without the key, of a caller that has it. */
function admitted<A extends PropertyValidators>(ctx: QueryCtx, validators: A, given: unknown): ObjectType<A> {
  const { internalKey, ...args } = (given ?? {}) as { internalKey?: unknown };
  requireKey(internalKey);
  return checkedArguments(ctx, validators, args);
}

function requireKey(given: unknown): void {
  const expected = process.env.POLARIS_CONVEX_INTERNAL_KEY;
  if (!expected) throw denied("POLARIS_CONVEX_INTERNAL_KEY is not configured");
  if (typeof given !== "string" || !isSame(given, expected)) throw denied("Invalid internal key");
}

/** Compares every character of the key, however much was given: the time taken does not tell what of it is right. */
function isSame(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  for (let i = 0; i < expected.length; i++) {
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i); // beyond its end a text has NaN, which counts as 0
  }
  return difference === 0;
}
