// Index keys: Convex values as bytes whose byte order is Convex's order of values.
//
// undefined < null < int64 < float64 < boolean < string < bytes < array < object. Each encoding ends itself (no
// encoding is a prefix of another), so keys concatenate, and a prefix of fields is a prefix of bytes.
import type { Value } from "convex/values";

const TAG = {
  end: 0,
  undefined: 1,
  null: 2,
  int64: 3,
  float64: 4,
  false: 5,
  true: 6,
  string: 7,
  bytes: 8,
  array: 9,
  object: 10,
} as const;

const SIGN = 1n << 63n;
const U64 = (1n << 64n) - 1n;

class Writer {
  private bytes = Buffer.allocUnsafe(1024);
  private length = 0;

  reset(): void {
    this.length = 0;
  }

  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u64(value: bigint): void {
    this.reserve(8);
    this.bytes.writeBigUInt64BE(value, this.length);
    this.length += 8;
  }

  float(value: number): void {
    this.reserve(8);
    const at = this.length;
    this.bytes.writeDoubleBE(value, at);
    // IEEE total order: flip the sign bit of positive numbers, all bits of negative ones.
    if ((this.bytes[at] as number) & 0x80) {
      for (let i = at; i < at + 8; i++) this.bytes[i] = ~(this.bytes[i] as number) & 0xff;
    } else {
      this.bytes[at] = (this.bytes[at] as number) | 0x80;
    }
    this.length += 8;
  }

  /** 00 becomes 00 FF, and 00 00 ends it: shorter sorts before longer. */
  escaped(content: Uint8Array): void {
    this.reserve(content.length * 2 + 2);
    let at = this.length;
    for (const byte of content) {
      this.bytes[at++] = byte;
      if (byte === 0) this.bytes[at++] = 0xff;
    }
    this.bytes[at++] = 0;
    this.bytes[at++] = 0;
    this.length = at;
  }

  text(value: string): void {
    this.reserve(value.length * 3 + 2);
    if (value.includes("\0")) {
      this.escaped(Buffer.from(value, "utf8"));
      return;
    }
    this.length += this.bytes.write(value, this.length, "utf8");
    this.bytes[this.length++] = 0;
    this.bytes[this.length++] = 0;
  }

  value(value: Value | undefined): void {
    if (value === undefined) return this.byte(TAG.undefined);
    if (value === null) return this.byte(TAG.null);
    switch (typeof value) {
      case "bigint":
        this.byte(TAG.int64);
        return this.u64((value + SIGN) & U64);
      case "number":
        this.byte(TAG.float64);
        return this.float(value);
      case "boolean":
        return this.byte(value ? TAG.true : TAG.false);
      case "string":
        this.byte(TAG.string);
        return this.text(value);
      default:
        return this.composite(value);
    }
  }

  private composite(value: Exclude<Value, null>): void {
    if (value instanceof ArrayBuffer) {
      this.byte(TAG.bytes);
      return this.escaped(new Uint8Array(value));
    }
    if (Array.isArray(value)) {
      this.byte(TAG.array);
      for (const item of value) this.value(item);
      return this.byte(TAG.end);
    }
    this.byte(TAG.object);
    const fields = Object.entries(value as Record<string, Value>).filter(([, item]) => item !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1)); // field names are ASCII
    for (const [name, item] of fields) {
      this.byte(TAG.string);
      this.text(name);
      this.value(item);
    }
    return this.byte(TAG.end);
  }
}

const writer = new Writer(); // one thread, no await between reset and copy

/** The key of a list of values, in the order of the index's fields. */
export function encodeKey(values: readonly (Value | undefined)[]): Buffer {
  writer.reset();
  for (const value of values) writer.value(value);
  return writer.copy();
}

/** The first key after every key that starts with `prefix`; null when there is none. */
export function afterPrefix(prefix: Uint8Array): Buffer | null {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return null;
  const next = Buffer.from(prefix.subarray(0, end));
  next[end - 1] = (next[end - 1] as number) + 1;
  return next;
}

/** The first key after exactly `key`. */
export function afterKey(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** Greater than every key: no tag is that large. */
export const LAST_KEY = Buffer.of(0xff);
export const FIRST_KEY = Buffer.alloc(0);

/** The value of a dotted field path in a document; undefined where an object is missing on the way. */
export function fieldOf(document: Value | undefined, path: readonly string[]): Value | undefined {
  let value: Value | undefined = document;
  for (const name of path) {
    if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof ArrayBuffer) return undefined;
    value = Object.hasOwn(value, name) ? (value as Record<string, Value | undefined>)[name] : undefined;
  }
  return value;
}
