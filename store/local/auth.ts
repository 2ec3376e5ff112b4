// Who calls: nobody, a user with a JWT that one of the configured providers signed, or the admin.
import { createHash, timingSafeEqual } from "node:crypto";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from "jose";
import type { JSONValue } from "convex/values";
import { wallMs } from "./clock.ts";
import { HttpRefusal, messageOf, StartRefused } from "./errors.ts";

export type Identity =
  | { kind: "none" }
  | { kind: "user"; attributes: { [name: string]: JSONValue }; token: string; expiresAtMs: number }
  /** `attributes` when the admin acts as a user. */
  | { kind: "admin"; attributes: { [name: string]: JSONValue } | null };

export const NOBODY: Identity = { kind: "none" };

/** Two callers with the same key get the same answers from the same query. */
export function identityKey(identity: Identity): string {
  switch (identity.kind) {
    case "none":
      return "none";
    case "admin":
      return `admin ${JSON.stringify(identity.attributes)}`;
    case "user":
      return `user ${JSON.stringify(identity.attributes)}`;
  }
}

type OidcProvider = { domain: string; applicationID: string };
type JwtProvider = { type: "customJwt"; issuer: string; jwks: string; algorithm: string; applicationID?: string };

type Provider = {
  /** As Convex names it in errors. */
  label: string;
  issuer: string;
  audience: string | undefined;
  algorithms: string[];
  keys: JWTVerifyGetKey;
};

const CLOCK_TOLERANCE_S = 5;
const LAST_MOMENT_S = 2 ** 53; // beyond it JSON numbers are no whole seconds any more
const UNSTORABLE = /[\0\p{Surrogate}]/u; // with `u` a whole pair is one character, and no surrogate
const DISCOVERY_TIMEOUT_MS = 10_000;

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
const MALFORMED =
  "Could not parse JWT payload. Check that the token is a valid JWT format with three base64-encoded parts separated by dots.";
const NO_ISSUER =
  "Missing issuer claim ('iss') in JWT payload. The JWT must include an 'iss' claim that matches one of your configured auth providers.";

const PROTOCOL_CLAIMS = new Set(["aud", "exp", "iat", "nbf", "jti", "azp", "at_hash", "nonce"]);

export class Authenticator {
  private readonly adminKey: string;
  private readonly providers: Provider[];

  constructor(adminKey: string, config: unknown) {
    this.adminKey = adminKey;
    this.providers = readProviders(config);
  }

  /** The identity behind an `Authorization` header.
   *  @throws HttpRefusal 401 for a bad token or key. */
  async ofHeader(header: string | undefined): Promise<Identity> {
    if (header === undefined || header === "") return NOBODY;
    const space = header.indexOf(" ");
    const scheme = header.slice(0, space).toLowerCase();
    const credential = header.slice(space + 1).trim();
    if (scheme === "bearer") return this.ofToken(credential);
    if (scheme === "convex") return this.ofAdminKey(credential);
    throw new HttpRefusal(401, "InvalidAuthHeader", "Authorization must be `Bearer JWT` or `Convex KEY`");
  }

  /** @throws HttpRefusal 401 when the key is wrong, or none is configured. A key may carry an acting user after ":". */
  ofAdminKey(credential: string): Identity {
    const [key, acting] = this.isKey(credential) ? [credential] : splitActing(credential);
    if (!this.isKey(key)) {
      throw new HttpRefusal(401, "BadDeployKey", "The provided deploy key was invalid for this deployment.");
    }
    if (acting === undefined) return { kind: "admin", attributes: null };
    const attributes = JSON.parse(Buffer.from(acting, "base64").toString()) as { [name: string]: JSONValue };
    return { kind: "admin", attributes: withTokenIdentifier(attributes) };
  }

  private isKey(candidate: string): boolean {
    if (this.adminKey === "") return false;
    const digest = (text: string) => createHash("sha256").update(text).digest();
    return timingSafeEqual(digest(candidate), digest(this.adminKey));
  }

  /** @throws HttpRefusal 401 when no provider accepts the token. */
  async ofToken(token: string): Promise<Identity> {
    let claims: JWTPayload;
    try {
      claims = decodeJwt(token);
    } catch {
      throw new HttpRefusal(401, "InvalidAuthHeader", MALFORMED);
    }
    const { iss } = claims;
    if (iss === undefined) throw new HttpRefusal(401, "InvalidAuthHeader", NO_ISSUER);
    if (typeof iss !== "string") {
      throw new HttpRefusal(401, "InvalidAuthHeader", "Could not validate token: the issuer ('iss') must be a text");
    }
    const audiences = [claims.aud ?? []].flat();
    const provider = this.providers.find(
      ({ issuer, audience }) => isSameIssuer(issuer, iss) && (audience === undefined || audiences.includes(audience)),
    );
    if (provider === undefined) {
      throw new HttpRefusal(
        401,
        "NoAuthProvider",
        this.providers.length === 0
          ? "No auth provider found matching the given token (no providers configured). Check convex/auth.config.ts."
          : "No auth provider found matching the given token. Check that your JWT's issuer and audience match one of your " +
              `configured providers: [${this.providers.map(({ label }) => label).join(", ")}]`,
      );
    }
    try {
      const { payload } = await jwtVerify(token, provider.keys, {
        issuer: iss,
        algorithms: provider.algorithms,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ["sub", "exp"],
        ...(provider.audience === undefined ? {} : { audience: provider.audience }),
      });
      checkClaims(payload);
      if (payload.iat !== undefined && payload.iat > wallMs() / 1000 + CLOCK_TOLERANCE_S) {
        throw new Error("it has timing issues: it was issued in the future ('iat'); check the clocks");
      }
      return { kind: "user", attributes: attributesOf(payload), token, expiresAtMs: (payload.exp as number) * 1000 };
    } catch (error) {
      throw new HttpRefusal(401, "InvalidAuthHeader", reasonOf(error, token));
    }
  }
}

/** What jose leaves to us: a subject that names somebody, times that are moments. app/identity/tokens.py judges alike. */
function checkClaims(payload: JWTPayload): void {
  const sub: unknown = payload.sub;
  if (typeof sub !== "string" || sub === "") throw new Error("the subject ('sub') must be a text that is not empty");
  if (UNSTORABLE.test(sub)) throw new Error("the subject ('sub') holds a NUL or half a character");
  for (const claim of ["exp", "iat", "nbf"]) {
    const moment = payload[claim];
    if (moment !== undefined && !(typeof moment === "number" && Math.abs(moment) <= LAST_MOMENT_S)) {
      throw new Error(`the time '${claim}' must be a number of seconds`);
    }
  }
}

/** With or without a protocol and a slash at the end, as Convex compares them. */
function isSameIssuer(configured: string, claimed: string): boolean {
  const plain = (issuer: string) => (/^https?:\/\//.test(issuer) ? issuer : `https://${issuer}`).replace(/\/+$/, "");
  return plain(configured) === plain(claimed);
}

function reasonOf(error: unknown, token: string): string {
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed) {
    const { kid } = decodeProtectedHeader(token);
    return kid === undefined
      ? "Could not decode token. JWT may be missing a 'kid' (key ID) header."
      : `Could not decode token. The JWT's 'kid' (key ID) header is '${kid}', does this key match any key in the provider's JWKS?`;
  }
  return `Could not validate token: ${messageOf(error)}`;
}

function splitActing(credential: string): [string, string?] {
  const colon = credential.lastIndexOf(":");
  return colon < 0 ? [credential] : [credential.slice(0, colon), credential.slice(colon + 1)];
}

function withTokenIdentifier(attributes: { [name: string]: JSONValue }): { [name: string]: JSONValue } {
  const { issuer, subject } = attributes;
  return { tokenIdentifier: `${String(issuer)}|${String(subject)}`, ...attributes };
}

function attributesOf(payload: JWTPayload): { [name: string]: JSONValue } {
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

function readProviders(config: unknown): Provider[] {
  if (config === undefined) return [];
  const providers = (asJson(config) as { providers?: unknown } | null)?.providers;
  if (!Array.isArray(providers)) throw new StartRefused("auth.config must export `{ providers: [...] }` as its default export");
  return (providers as (OidcProvider | JwtProvider | null)[]).map((provider) => {
    if (typeof provider !== "object" || provider === null) throw new StartRefused("auth.config: a provider must be an object");
    if ("type" in provider && provider.type === "customJwt") return jwtProvider(provider);
    return oidcProvider(provider as OidcProvider);
  });
}

/** Convex reads the configuration as JSON: a `URL` object is its text. */
function asJson(config: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(config) ?? "null");
  } catch (error) {
    throw new StartRefused(`auth.config cannot be read as JSON: ${messageOf(error)}`);
  }
}

function required(value: unknown, name: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new StartRefused(`auth.config: a provider has no \`${name}\`; is its environment variable set?`);
}

function address(text: string, name: string): string {
  if (URL.canParse(text)) return text;
  throw new StartRefused(`auth.config: \`${name}\` is no URL: ${JSON.stringify(text)}`);
}

function jwtProvider(provider: JwtProvider): Provider {
  const { algorithm } = provider;
  if (algorithm !== "RS256" && algorithm !== "ES256") {
    throw new StartRefused(`auth.config: algorithm must be RS256 or ES256, got ${JSON.stringify(algorithm)}`);
  }
  const issuer = required(provider.issuer, "issuer");
  return {
    label: `CustomJWT(issuer=${issuer}, app_id=${provider.applicationID ?? "none"})`,
    issuer,
    audience: provider.applicationID,
    algorithms: [algorithm],
    keys: keySet(address(required(provider.jwks, "jwks"), "jwks")),
  };
}

function keySet(url: string): JWTVerifyGetKey {
  if (!url.startsWith("data:")) return createRemoteJWKSet(new URL(url));
  const comma = url.indexOf(",");
  const isBase64 = url.slice(0, comma).endsWith(";base64");
  const body = url.slice(comma + 1);
  const text = isBase64 ? Buffer.from(body, "base64").toString() : decodeURIComponent(body);
  try {
    return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  } catch {
    return () => {
      const what = "The response is not valid JSON or doesn't match the expected JWKS format.";
      throw new Error(`Invalid JWKS response body from '${url}'. ${what}`); // at the first token, as Convex does
    };
  }
}

function oidcProvider(provider: OidcProvider): Provider {
  const domain = required(provider.domain, "domain");
  const issuer = address(/^https?:\/\//.test(domain) ? domain : `https://${domain}`, "domain");
  let discovered: Promise<JWTVerifyGetKey> | null = null;
  const discover = async (): Promise<JWTVerifyGetKey> => {
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`OIDC discovery of ${issuer} answered ${response.status}`);
    const { jwks_uri } = (await response.json()) as { jwks_uri: string };
    return createRemoteJWKSet(new URL(jwks_uri));
  };
  const keys: JWTVerifyGetKey = async (header, token) => {
    discovered ??= discover();
    let found: JWTVerifyGetKey;
    try {
      found = await discovered;
    } catch (error) {
      discovered = null; // the provider may answer next time
      throw error;
    }
    return await found(header, token); // it asks again for unknown keys, and not too often
  };
  const audience = required(provider.applicationID, "applicationID");
  const label = `OIDC(domain=${domain}, app_id=${audience})`;
  return { label, issuer, audience, algorithms: ["RS256", "EdDSA"], keys };
}
