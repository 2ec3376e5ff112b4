import { type GenericValidator, type Value, v } from "convex/values";
import { expect, test } from "vitest";
import { mismatch, printValidator, type ValidatorJson } from "../../../embedded_convex/values/validators.ts";

const tableOfId = (id: string) => (id.startsWith("user:") ? "users" : id.startsWith("post:") ? "posts" : null);

function json(validator: GenericValidator): ValidatorJson {
  return (validator as unknown as { json: ValidatorJson }).json;
}

function problem(validator: GenericValidator, value: Value | undefined): string | null {
  return mismatch(json(validator), value, tableOfId);
}

test.each<[string, GenericValidator, Value]>([
  ["null", v.null(), null],
  ["number", v.number(), Number.NaN],
  ["int64", v.int64(), 3n],
  ["boolean", v.boolean(), false],
  ["string", v.string(), ""],
  ["bytes", v.bytes(), new ArrayBuffer(2)],
  ["any", v.any(), { a: [1n] }],
  ["literal", v.literal("a"), "a"],
  ["literal int64", v.literal(5n), 5n],
  ["id", v.id("users"), "user:1"],
  ["array", v.array(v.number()), [1, 2]],
  ["record", v.record(v.string(), v.number()), { a: 1, b: 2 }],
  ["record by id", v.record(v.id("users"), v.number()), { "user:1": 1 }],
  ["object with an absent optional", v.object({ a: v.number(), b: v.optional(v.string()) }), { a: 1 }],
  ["union", v.union(v.literal("x"), v.object({ kind: v.literal("y") })), { kind: "y" }],
])("%s takes its values", (_, validator, value) => {
  expect(problem(validator, value)).toBeNull();
});

test.each<[string, GenericValidator, Value]>([
  ["number for int64", v.int64(), 3],
  ["int64 for number", v.number(), 3n],
  ["null for string", v.string(), null],
  ["text that is no id", v.id("users"), "hello"],
  ["another literal", v.literal("a"), "b"],
  ["a bad key of a record", v.record(v.id("users"), v.number()), { x: 1 }],
  ["no member of a union", v.union(v.string(), v.number()), true],
])("%s is refused", (_, validator, value) => {
  expect(problem(validator, value)).not.toBeNull();
});

test("texts are Convex's: missing and extra fields show object and validator", () => {
  const user = v.object({ name: v.string(), age: v.optional(v.number()), tags: v.array(v.string()) });
  expect(problem(user, { tags: [] })).toBe(
    "Object is missing the required field `name`. Consider wrapping the field validator in `v.optional(...)` if this is " +
      "expected.\n\nObject: {tags: []}\nValidator: v.object({age: v.optional(v.float64()), name: v.string(), tags: v.array(v.string())})",
  );
  expect(problem(user, { name: "a", tags: [], extra: 1 })).toContain(
    'Object contains extra field `extra` that is not in the validator.\n\nObject: {extra: 1.0, name: "a", tags: []}',
  );
});

test("texts are Convex's: a nested mismatch says its path", () => {
  const user = v.object({ tags: v.array(v.string()) });
  expect(problem(user, { tags: ["x", 2] })).toBe("Value does not match validator.\nPath: .tags[1]\nValue: 2.0\nValidator: v.string()");
  expect(problem(v.object({ owner: v.id("users") }), { owner: "post:1" })).toBe(
    'Found ID "post:1" from table `posts`, which does not match the table name in validator `v.id("users")`.Path: .owner',
  );
});

test("a validator prints as its source", () => {
  const validator = v.object({
    a: v.union(v.int64(), v.literal(2)),
    b: v.optional(v.record(v.string(), v.id("users"))),
    c: v.bytes(),
  });
  expect(printValidator(json(validator))).toBe(
    'v.object({a: v.union(v.int64(), v.literal(2.0)), b: v.optional(v.record(v.string(), v.id("users"))), c: v.bytes()})',
  );
});
