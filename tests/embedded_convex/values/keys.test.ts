import { compareValues, type Value } from "convex/values";
import { describe, expect, test } from "vitest";
import { afterKey, afterPrefix, encodeKey } from "../../../embedded_convex/values/keys.ts";

/** A small generator with a seed, so that a failure can be run again. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const STRINGS = ["", "a", "b", "ab", "a\0", "a\0b", "\0", "é", "\u{10000}", "\uffff", "zz", "a\u0001"];
const NUMBERS = [0, -0, 1, -1, 0.5, -0.5, 1e300, -1e300, Number.MIN_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
const INTS = [0n, 1n, -1n, 255n, 256n, 2n ** 63n - 1n, -(2n ** 63n)];

function anyValue(next: () => number, depth = 0): Value | undefined {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
  switch (Math.floor(next() * (depth < 3 ? 9 : 7))) {
    case 0:
      return depth === 0 ? undefined : null;
    case 1:
      return null;
    case 2:
      return pick(NUMBERS);
    case 3:
      return pick(INTS);
    case 4:
      return next() < 0.5;
    case 5:
      return pick(STRINGS);
    case 6:
      return new Uint8Array(Array.from({ length: Math.floor(next() * 4) }, () => pick([0, 1, 255]))).buffer;
    case 7:
      return Array.from({ length: Math.floor(next() * 3) }, () => anyValue(next, depth + 1) as Value);
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(next() * 3) }, () => [pick(["a", "b", "ab"]), anyValue(next, depth + 1) as Value]),
      );
  }
}

describe("index keys", () => {
  test("sort as bytes exactly as Convex sorts the values", () => {
    const next = chance(7);
    for (let i = 0; i < 20_000; i++) {
      const [a, b] = [anyValue(next), anyValue(next)];
      const asBytes = Math.sign(Buffer.compare(encodeKey([a]), encodeKey([b])));
      expect(asBytes, `${String(a)} against ${String(b)}`).toBe(Math.sign(compareValues(a, b)));
    }
  });

  test("sort lists field by field: no encoding is a prefix of another", () => {
    const next = chance(11);
    for (let i = 0; i < 5_000; i++) {
      const a = [anyValue(next), anyValue(next)];
      const b = [next() < 0.5 ? a[0] : anyValue(next), anyValue(next)];
      const expected = compareValues(a[0], b[0]) || compareValues(a[1], b[1]);
      expect(Math.sign(Buffer.compare(encodeKey(a), encodeKey(b)))).toBe(Math.sign(expected));
    }
  });

  test("afterPrefix passes every key that starts so, and no other", () => {
    const prefix = encodeKey(["room"]);
    const end = afterPrefix(prefix) as Buffer;
    expect(Buffer.compare(encodeKey(["room", Number.NaN]), end)).toBeLessThan(0);
    expect(Buffer.compare(encodeKey(["room", { z: "\uffff" }]), end)).toBeLessThan(0);
    expect(Buffer.compare(encodeKey(["room\0"]), end)).toBeGreaterThanOrEqual(0);
    expect(Buffer.compare(encodeKey(["rooms"]), end)).toBeGreaterThanOrEqual(0);
    expect(afterPrefix(Buffer.of(0xff, 0xff))).toBeNull();
  });

  test("afterKey is the very next key", () => {
    const key = Buffer.of(1, 2);
    expect(Buffer.compare(afterKey(key), key)).toBe(1);
    expect(Buffer.compare(afterKey(key), Buffer.of(1, 2, 1))).toBe(-1);
  });
});
