// Who calls: nobody, a user with a JWT that one of the configured providers signed, or the admin.
import { createHash, timingSafeEqual } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { JSONValue } from "convex/values";
import { HttpRefusal, messageOf } from "../errors.ts";
import { attributesOf, checkClaims, CLOCK_TOLERANCE_S } from "./claims.ts";
import { type Provider, readProviders } from "./providers.ts";

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

const MALFORMED =
  "Could not parse JWT payload. Check that the token is a valid JWT format with three base64-encoded parts separated by dots.";
const NO_ISSUER =
  "Missing issuer claim ('iss') in JWT payload. The JWT must include an 'iss' claim that matches one of your configured auth providers.";

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
      return { kind: "user", attributes: attributesOf(payload), token, expiresAtMs: (payload.exp as number) * 1000 };
    } catch (error) {
      throw new HttpRefusal(401, "InvalidAuthHeader", reasonOf(error, token));
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
