// Who may sign people in: the providers of a folder's auth.config.ts, and their keys.
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { messageOf, StartRefused } from "../errors.ts";

type OidcProvider = { domain: string; applicationID: string };
type JwtProvider = { type: "customJwt"; issuer: string; jwks: string; algorithm: string; applicationID?: string };

export type Provider = {
  /** As Convex names it in errors. */
  label: string;
  issuer: string;
  audience: string | undefined;
  algorithms: string[];
  keys: JWTVerifyGetKey;
};

const DISCOVERY_TIMEOUT_MS = 10_000;

/** @throws StartRefused when the configuration cannot be used. */
export function readProviders(config: unknown): Provider[] {
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
