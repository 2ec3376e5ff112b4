// Functions for our own processes: `systemQuery` and `systemMutation` check the internal key before anything else.
import type { RegisteredMutation, RegisteredQuery } from "convex/server";
import {
  type Infer,
  type ObjectType,
  type PropertyValidators,
  type Validator,
  type VString,
  v,
} from "convex/values";
import { type MutationCtx, mutation, type QueryCtx, query } from "../_generated/server";
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
    args: { ...definition.args, internalKey: v.string() },
    returns: definition.returns,
    handler: async (ctx, args) => {
      requireKey((args as { internalKey: string }).internalKey);
      return (await definition.handler(ctx, args as unknown as ObjectType<A>)) as never;
    },
  });
  return registered as unknown as RegisteredQuery<"public", WithKey<A>, Promise<Infer<R>>>;
}

export function systemMutation<A extends PropertyValidators, R extends Returns>(
  definition: Definition<MutationCtx, A, R>,
): RegisteredMutation<"public", WithKey<A>, Promise<Infer<R>>> {
  const registered = mutation({
    args: { ...definition.args, internalKey: v.string() },
    returns: definition.returns,
    handler: async (ctx, args) => {
      requireKey((args as { internalKey: string }).internalKey);
      return (await definition.handler(ctx, args as unknown as ObjectType<A>)) as never;
    },
  });
  return registered as unknown as RegisteredMutation<"public", WithKey<A>, Promise<Infer<R>>>;
}

function requireKey(given: string): void {
  const expected = process.env.POLARIS_CONVEX_INTERNAL_KEY;
  if (!expected) throw denied("POLARIS_CONVEX_INTERNAL_KEY is not configured");
  if (!isSame(given, expected)) throw denied("Invalid internal key");
}

/** Compares every character of what was given, so that the time taken does not tell how much of it is right. */
function isSame(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  for (let i = 0; i < given.length; i++) {
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i % expected.length);
  }
  return difference === 0;
}
