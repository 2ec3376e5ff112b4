// Who may sign in: tokens of one issuer, the same that the API accepts. With POLARIS_AUTH_JWKS (an address or a
// data: URI) keys come from there; without it the issuer is asked by OpenID discovery.
import type { AuthConfig, AuthProvider } from "convex/server";

type Algorithm = "RS256" | "ES256";

const issuer = process.env.POLARIS_AUTH_ISSUER;
const jwks = process.env.POLARIS_AUTH_JWKS;
const audience = process.env.POLARIS_AUTH_AUDIENCE || undefined;

/** Convex wants to be told. A key that is at hand says it itself; behind an address it is RS256 unless told. */
function algorithmOf(keys: string): Algorithm {
  const told = process.env.POLARIS_AUTH_ALGORITHM;
  if (told === "RS256" || told === "ES256") return told;
  return keys.startsWith("data:") && keyType(keys) === "EC" ? "ES256" : "RS256";
}

function keyType(dataUri: string): string | undefined {
  const comma = dataUri.indexOf(",");
  const body = dataUri.slice(comma + 1);
  const isBase64 = dataUri.slice(0, comma).endsWith(";base64");
  const set = JSON.parse(isBase64 ? atob(body) : decodeURIComponent(body)) as {
    keys: { kty?: string }[];
  };
  return set.keys[0]?.kty;
}

function providers(): AuthProvider[] {
  if (!issuer) return [];
  if (!jwks) return [{ domain: issuer, applicationID: audience ?? "convex" }];
  const algorithm = algorithmOf(jwks);
  return [{ type: "customJwt", issuer, jwks, algorithm, applicationID: audience }];
}

export default { providers: providers() } satisfies AuthConfig;
