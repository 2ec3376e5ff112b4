// @vitest-environment edge-runtime
// Arguments of system functions, judged by our own code: as Convex would.
import { type PropertyValidators, v } from "convex/values";
import { describe, expect, test } from "vitest";
import type { QueryCtx } from "../../convex/_generated/server";
import { checkedArguments } from "../../convex/model/arguments.ts";
import { backend, chat } from "./backend.ts";

const bytes = new Uint8Array([1]).buffer;
const RIGHT: [PropertyValidators, Record<string, unknown>][] = [
  [{}, {}],
  [
    { a: v.string(), b: v.number(), c: v.boolean(), d: v.null() },
    { a: "", b: Number.NaN, c: false, d: null },
  ],
  [
    { a: v.int64(), b: v.bytes(), c: v.any() },
    { a: 1n, b: bytes, c: [{}] },
  ],
  [{ a: v.optional(v.string()) }, {}],
  [{ a: v.optional(v.string()) }, { a: undefined }],
  [{ a: v.array(v.number()) }, { a: [] }],
  [{ a: v.array(v.object({ b: v.optional(v.literal("x")) })) }, { a: [{}, { b: "x" }] }],
  [{ a: v.record(v.string(), v.union(v.string(), v.null())) }, { a: { b: "c", d: null } }],
];
const WRONG: [PropertyValidators, Record<string, unknown>, string][] = [
  [{}, { a: 1 }, "a is not known"],
  [{}, { constructor: 1 }, "constructor is not known"],
  [{ a: v.string() }, {}, "a is missing"],
  [{ a: v.string() }, { a: 1 }, "a must be string"],
  [{ a: v.optional(v.string()) }, { a: null }, "a must be string"],
  [{ a: v.number() }, { a: "1" }, "a must be float64"],
  [{ a: v.number() }, { a: 1n }, "a must be float64"],
  [{ a: v.int64() }, { a: 1 }, "a must be int64"],
  [{ a: v.boolean() }, { a: 0 }, "a must be boolean"],
  [{ a: v.null() }, { a: 0 }, "a must be null"],
  [{ a: v.bytes() }, { a: "AQ==" }, "a must be bytes"],
  [{ a: v.literal("x") }, { a: "y" }, 'a must be "x"'],
  [{ a: v.array(v.number()) }, { a: { 0: 1 } }, "a must be array"],
  [{ a: v.array(v.number()) }, { a: [1, "2"] }, "a[1] must be float64"],
  [{ a: v.object({ b: v.string() }) }, { a: [] }, "a must be object"],
  [{ a: v.object({ b: v.string() }) }, { a: bytes }, "a must be object"],
  [{ a: v.object({ b: v.string() }) }, { a: {} }, "a.b is missing"],
  [{ a: v.object({ b: v.string() }) }, { a: { b: "", c: 1 } }, "a.c is not known"],
  [{ a: v.record(v.string(), v.number()) }, { a: { b: "c" } }, "a.b must be float64"],
  [{ a: v.union(v.string(), v.number()) }, { a: true }, "a must be string, or a must be float64"],
  [{ a: v.id("projects") }, { a: "x" }, "a must be an id of projects"],
  [{ a: v.id("_storage") }, { a: 7 }, "a must be an id of _storage"],
];

async function check(validators: PropertyValidators, args: Record<string, unknown>) {
  return await backend().t.run(async (ctx) => {
    checkedArguments(ctx as unknown as QueryCtx, validators, args);
    return null;
  });
}

describe("arguments", () => {
  for (const [validators, args] of RIGHT) {
    test(`${Object.keys(args).join()} of ${Object.values(validators)
      .map(({ kind }) => kind)
      .join()} is taken`, async () => {
      await check(validators, args);
    });
  }

  for (const [validators, args, problem] of WRONG) {
    test(`refused: ${problem}`, async () => {
      await expect(check(validators, args)).rejects.toThrow(`ArgumentValidationError: ${problem}`);
    });
  }

  test("an id is one of its table only", async () => {
    const b = backend();
    const { projectId, conversationId } = await chat(b);
    await b.t.run(async (given) => {
      const ctx = given as unknown as QueryCtx;
      checkedArguments(ctx, { a: v.id("projects") }, { a: projectId });
      const wrong = () => checkedArguments(ctx, { a: v.id("projects") }, { a: conversationId });
      expect(wrong).toThrow("a must be an id of projects");
      return null;
    });
  });
});
