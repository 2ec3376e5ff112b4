// Document ids as Convex writes them: base32 of table number, 16 bytes and a checksum.
import { randomFillSync } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford
const DIGITS = new Map([...ALPHABET].map((digit, value) => [digit, value]));
const INTERNAL_BYTES = 16;
const MIN_LENGTH = 31;
const MAX_LENGTH = 37;

function checksum(bytes: Uint8Array): number {
  let low = 0;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 256;
    high = (high + low) % 256;
  }
  return (high << 8) | low;
}

function toBase32(bytes: Uint8Array): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += ALPHABET[(held >> bits) & 31];
      held &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? out + ALPHABET[(held << (5 - bits)) & 31] : out;
}

function fromBase32(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const digit of text) {
    const value = DIGITS.get(digit);
    if (value === undefined) return null;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 255;
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** A new id of a table. 48 bits of time come first, so that inserts stay close together on disk; 80 bits are random. */
export function newId(tableNumber: number, nowMs: number): string {
  const table = varint(tableNumber);
  const bytes = Buffer.alloc(table.length + INTERNAL_BYTES + 2);
  bytes.set(table);
  bytes.writeUIntBE(Math.floor(nowMs), table.length, 6);
  randomFillSync(bytes, table.length + 6, INTERNAL_BYTES - 6);
  const body = bytes.subarray(0, table.length + INTERNAL_BYTES);
  bytes.writeUInt16LE(checksum(body), body.length);
  return toBase32(bytes);
}

/** The table number of an id, or null when the text is no id. */
export function tableNumberOf(id: string): number | null {
  if (id.length < MIN_LENGTH || id.length > MAX_LENGTH) return null;
  const bytes = fromBase32(id);
  if (bytes === null) return null;
  let number = 0;
  let at = 0;
  for (; at < 5; at++) {
    const byte = bytes[at];
    if (byte === undefined) return null;
    number |= (byte & 0x7f) << (7 * at);
    if ((byte & 0x80) === 0) break;
  }
  const bodyLength = at + 1 + INTERNAL_BYTES;
  if (bytes.length !== bodyLength + 2) return null;
  const found = (bytes[bodyLength] as number) | ((bytes[bodyLength + 1] as number) << 8);
  return found === checksum(bytes.subarray(0, bodyLength)) && toBase32(bytes) === id ? number : null;
}
