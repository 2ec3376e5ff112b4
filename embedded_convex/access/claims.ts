// The claims of a token: what they must be, and what functions see of them.
import type { JSONValue } from "convex/values";
import type { JWTPayload } from "jose";
import { wallMs } from "../clock.ts";

export const CLOCK_TOLERANCE_S = 5;
const LAST_MOMENT_S = 2 ** 53; // beyond it JSON numbers are no whole seconds any more
const UNSTORABLE = /[\0\p{Surrogate}]/u; // with `u` a whole pair is one character, and no surrogate

const STANDARD_CLAIMS: Record<string, string> = {
  sub: "subject",
  iss: "issuer",
  name: "name",
  given_name: "givenName",
  family_name: "familyName",
  nickname: "nickname",
  preferred_username: "preferredUsername",
  profile: "profileUrl",
  picture: "pictureUrl",
  email: "email",
  email_verified: "emailVerified",
  gender: "gender",
  birthdate: "birthday",
  zoneinfo: "timezone",
  locale: "language",
  phone_number: "phoneNumber",
  phone_number_verified: "phoneNumberVerified",
  address: "address",
  updated_at: "updatedAt",
};

const PROTOCOL_CLAIMS = new Set(["aud", "exp", "iat", "nbf", "jti", "azp", "at_hash", "nonce"]);

/** What jose leaves to us: a subject that names somebody, times that are moments. app/identity/tokens.py judges alike. */
export function checkClaims(payload: JWTPayload): void {
  const sub: unknown = payload.sub;
  if (typeof sub !== "string" || sub === "") throw new Error("the subject ('sub') must be a text that is not empty");
  if (UNSTORABLE.test(sub)) throw new Error("the subject ('sub') holds a NUL or half a character");
  for (const claim of ["exp", "iat", "nbf"]) {
    const moment = payload[claim];
    if (moment !== undefined && !(typeof moment === "number" && Math.abs(moment) <= LAST_MOMENT_S)) {
      throw new Error(`the time '${claim}' must be a number of seconds`);
    }
  }
  if (payload.iat !== undefined && payload.iat > wallMs() / 1000 + CLOCK_TOLERANCE_S) {
    throw new Error("it has timing issues: it was issued in the future ('iat'); check the clocks");
  }
}

export function attributesOf(payload: JWTPayload): { [name: string]: JSONValue } {
  const attributes: { [name: string]: JSONValue } = { tokenIdentifier: `${payload.iss}|${payload.sub}` };
  for (const [claim, value] of Object.entries(payload) as [string, JSONValue][]) {
    const name = STANDARD_CLAIMS[claim];
    if (name !== undefined) attributes[name] = claim === "updated_at" ? String(value) : value;
    else if (!PROTOCOL_CLAIMS.has(claim)) addCustom(attributes, claim, value);
  }
  return attributes;
}

/** A nested custom claim is there as itself and, as Convex gives it, flat under its dotted path. */
function addCustom(attributes: { [name: string]: JSONValue }, path: string, value: JSONValue): void {
  attributes[path] = value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  for (const [name, item] of Object.entries(value)) addCustom(attributes, `${path}.${name}`, item);
}
