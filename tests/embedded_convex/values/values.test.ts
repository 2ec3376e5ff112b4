import { convexToJson, jsonToConvex, type Value } from "convex/values";
import { describe, expect, test } from "vitest";
import { checkedDocumentSize, checkShape, MAX_NESTING, printEncoded, printLossy } from "../../../embedded_convex/values/values.ts";

function nested(levels: number): Value {
  return levels === 0 ? 1 : { a: nested(levels - 1) };
}

describe("limits of documents", () => {
  const shape = (value: Value) => () => checkShape(value, MAX_NESTING);

  test("16 levels are taken, 17 are not", () => {
    expect(shape(nested(16))).not.toThrow();
    expect(shape(nested(17))).toThrow("Document is too nested (nested 17 levels deep > maximum nesting 16)");
  });

  test("8192 elements are taken, 8193 are not", () => {
    expect(shape({ a: Array(8192).fill(0) })).not.toThrow();
    expect(shape({ a: Array(8193).fill(0) })).toThrow("Array length is too long (8193 > maximum length 8192)");
  });

  test("1024 fields are taken, 1025 are not", () => {
    const fields = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, i]));
    expect(shape(fields(1024))).not.toThrow();
    expect(shape(fields(1025))).toThrow("Object has too many fields (1025 > maximum number 1024)");
  });

  test("a nested field name may not start with an underscore", () => {
    expect(shape({ a: { _b: 1 } })).toThrow("Field '_b' starts with an underscore");
  });

  test("text must be valid Unicode", () => {
    expect(shape({ a: "\ud800" })).toThrow("lone surrogate");
  });

  test("1 MiB is taken, more is not", () => {
    expect(() => checkedDocumentSize({ a: "x".repeat((1 << 20) - 100) })).not.toThrow();
    expect(() => checkedDocumentSize({ a: "x".repeat(1 << 20) })).toThrow("> maximum size 1 MiB");
  });
});

describe("values as text", () => {
  test("whole floats keep their point, so that clients know them from integers", () => {
    expect(printEncoded({ a: [1, -3, 2.5, 1e21, null, true, "1"] })).toBe('{"a":[1.0,-3.0,2.5,1e+21,null,true,"1"]}');
  });

  test("every kind of value comes back from its encoding", () => {
    const value = { i: 5n, b: new Uint8Array([1, 2]).buffer, n: [Number.NaN, -0, Number.POSITIVE_INFINITY, 3], s: 'q"\u2028', o: {} };
    const back = jsonToConvex(JSON.parse(printEncoded(convexToJson(value))));
    expect(back).toEqual(value);
    expect(Object.is((back as typeof value).n[1], -0)).toBe(true);
  });

  test("format json gives up what JSON cannot say", () => {
    const value = convexToJson({ i: 33n, b: new Uint8Array([1, 2]).buffer, f: 4, n: Number.NaN });
    expect(JSON.parse(printLossy(value))).toEqual({ i: "33", b: "AQI=", f: 4, n: "NaN" });
  });
});
