// Convex values: their limits, their size, and their JSON forms on the wire.
import { getConvexSize, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { DeveloperError } from "../errors.ts";

export const MAX_DOCUMENT_BYTES = 1 << 20;
export const MAX_CALL_BYTES = 16 << 20; // arguments, and results
export const MAX_ARRAY = 8192;
export const MAX_FIELDS = 1024;
export const MAX_NESTING = 16;
export const MAX_ARGS_NESTING = 64; // call values may nest deeper than documents

function mib(bytes: number): string {
  return `${Number((bytes / (1 << 20)).toFixed(2))} MiB`;
}

/** Depth, array length, field count and names of one value.
 *  @throws DeveloperError with Convex's words for the limit that is broken. */
export function checkShape(value: Value | undefined, maxNesting: number, depth = 0): void {
  if (value === null || typeof value !== "object" || value instanceof ArrayBuffer) {
    if (typeof value === "string" && !value.isWellFormed()) {
      throw new DeveloperError("String is not valid Unicode: it contains a lone surrogate");
    }
    return;
  }
  if (depth + 1 > maxNesting) {
    throw new DeveloperError(`Document is too nested (nested ${depth + 1} levels deep > maximum nesting ${maxNesting})`);
  }
  if (Array.isArray(value)) {
    if (value.length > MAX_ARRAY) {
      throw new DeveloperError(`Array length is too long (${value.length} > maximum length ${MAX_ARRAY})`);
    }
    for (const item of value) checkShape(item, maxNesting, depth + 1);
    return;
  }
  const fields = Object.entries(value as Record<string, Value | undefined>);
  if (fields.length > MAX_FIELDS) {
    throw new DeveloperError(`Object has too many fields (${fields.length} > maximum number ${MAX_FIELDS})`);
  }
  for (const [name, item] of fields) {
    if (name.length === 0) throw new DeveloperError("Field name is empty");
    if (name.startsWith("_") && depth > 0) {
      throw new DeveloperError(`Field '${name}' starts with an underscore, which is only allowed for system fields like '_id'`);
    }
    checkShape(item, maxNesting, depth + 1);
  }
}

/** Nested fields that start with "_" are refused in documents only: documents themselves travel as results. */
export function checkCallShape(value: Value | undefined, depth = 0): void {
  if (value === null || typeof value !== "object" || value instanceof ArrayBuffer) return;
  if (depth + 1 > MAX_ARGS_NESTING) {
    throw new DeveloperError(`Value is too nested (nested ${depth + 1} levels deep > maximum nesting ${MAX_ARGS_NESTING})`);
  }
  const items = Array.isArray(value) ? value : Object.values(value as Record<string, Value | undefined>);
  const [limit, what] = Array.isArray(value) ? [MAX_ARRAY, "Array length is too long"] : [MAX_FIELDS, "Object has too many fields"];
  if (items.length > limit) {
    const unit = Array.isArray(value) ? "maximum length" : "maximum number";
    throw new DeveloperError(`${what} (${items.length} > ${unit} ${limit})`);
  }
  for (const item of items) checkCallShape(item, depth + 1);
}

/** The size of a document as Convex counts it.
 *  @throws DeveloperError above 1 MiB. */
export function checkedDocumentSize(document: Value): number {
  const size = getConvexSize(document);
  if (size > MAX_DOCUMENT_BYTES) {
    throw new DeveloperError(`Value is too large (${mib(size)} > maximum size ${mib(MAX_DOCUMENT_BYTES)})`);
  }
  return size;
}

/** @throws DeveloperError when the encoded text of arguments or of a result is above 16 MiB. */
export function checkCallSize(encoded: string, what: string): void {
  const bytes = encoded.length > MAX_CALL_BYTES / 3 ? Buffer.byteLength(encoded) : 0;
  if (bytes > MAX_CALL_BYTES) {
    throw new DeveloperError(`${what} is too large (actual: ${mib(bytes)}, limit: ${mib(MAX_CALL_BYTES)})`);
  }
}

/** JSON text in which whole floats print as `1.0`, as Convex prints them: official clients tell ints from floats by it. */
export function printEncoded(value: JSONValue): string {
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    let out = "[";
    for (let i = 0; i < value.length; i++) {
      if (i > 0) out += ",";
      out += printEncoded(value[i] as JSONValue);
    }
    return `${out}]`;
  }
  let out = "{";
  for (const name in value) {
    if (out.length > 1) out += ",";
    out += `${JSON.stringify(name)}:${printEncoded(value[name] as JSONValue)}`;
  }
  return `${out}}`;
}

/** A commit's timestamp, as clients compare it. */
export function printTs(ts: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(ts);
  return bytes.toString("base64");
}

/** Format `json` of the HTTP API: readable, but int64 become text and bytes become base64. */
export function printLossy(encoded: JSONValue): string {
  return printEncoded(lossy(jsonToConvex(encoded)));
}

function lossy(value: Value | undefined): JSONValue {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") {
    if (Number.isFinite(value)) return Object.is(value, -0) ? 0 : value;
    return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }
  if (typeof value !== "object") return value;
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(lossy);
  return Object.fromEntries(Object.entries(value as Record<string, Value>).map(([name, item]) => [name, lossy(item)]));
}
