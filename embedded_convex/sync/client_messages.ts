// What a client of the sync protocol may say: bytes become one of these once, or are refused.
import type { JSONValue } from "convex/values";
import { MAX_PATH_CHARS } from "../code/functions.ts";
import { SessionRefused } from "../errors.ts";

export type AddQuery = { type: "Add"; queryId: number; udfPath: string; args: JSONValue; journal?: string | null };
export type Modification = AddQuery | { type: "Remove"; queryId: number };
export type ClientMessage =
  | { type: "Connect"; sessionId: string; maxObservedTimestamp?: string }
  | { type: "ModifyQuerySet"; baseVersion: number; newVersion: number; modifications: Modification[] }
  | { type: "Authenticate"; baseVersion: number; tokenType: "None" | "User" | "Admin"; value?: string; impersonating?: JSONValue }
  | { type: "Mutation" | "Action"; requestId: number; udfPath: string; args: JSONValue }
  | { type: "Event" };

const MAX_SESSION_CHARS = 200; // clients send a UUID
const TS_BYTES = 8;

type Fields = { readonly [name: string]: unknown };
type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText =
  (max: number): Check =>
  (value) =>
    typeof value === "string" && value.length <= max;
const isAnyText = isText(Number.POSITIVE_INFINITY);
const isGiven: Check = (value) => value !== undefined;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);

const SHAPES: Record<ClientMessage["type"], Record<string, Check>> = {
  Connect: { sessionId: isText(MAX_SESSION_CHARS), maxObservedTimestamp: optional(isAnyText) },
  ModifyQuerySet: { baseVersion: isCount, newVersion: isCount, modifications: Array.isArray },
  Authenticate: {
    baseVersion: isCount,
    tokenType: (value) => value === "None" || value === "User" || value === "Admin",
    value: optional(isAnyText),
  },
  Mutation: { requestId: isCount, udfPath: isText(MAX_PATH_CHARS), args: isGiven },
  Action: { requestId: isCount, udfPath: isText(MAX_PATH_CHARS), args: isGiven },
  Event: {},
};
const MODIFICATIONS: Record<Modification["type"], Record<string, Check>> = {
  Add: { queryId: isCount, udfPath: isText(MAX_PATH_CHARS), args: isGiven, journal: optional(isAnyText) },
  Remove: { queryId: isCount },
};

/** @throws SessionRefused with a text for the client when it is not JSON, or not a message of the protocol. */
export function readMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SessionRefused("Received a message that is not JSON");
  }
  const message = checked(value, SHAPES);
  if (message["type"] === "ModifyQuerySet") {
    for (const modification of message["modifications"] as unknown[]) checked(modification, MODIFICATIONS);
  }
  return message as ClientMessage;
}

/** A timestamp as it travels. @throws SessionRefused when it is none. */
export function readTs(text: string): bigint {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== TS_BYTES) throw new SessionRefused("InvalidTimestamp: a timestamp has 8 bytes");
  return bytes.readBigUInt64LE();
}

function checked(value: unknown, shapes: Record<string, Record<string, Check>>): Fields {
  const fields = typeof value === "object" && value !== null ? (value as Fields) : {};
  const type = String(fields["type"]);
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  if (shape === undefined) throw new SessionRefused(`unknown message type ${type.slice(0, MAX_SESSION_CHARS)}`);
  for (const [name, holds] of Object.entries(shape)) {
    if (!holds(fields[name])) throw new SessionRefused(`BadMessage: ${type} has no usable \`${name}\``);
  }
  return fields;
}
