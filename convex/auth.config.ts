// Who may sign in: tokens of one issuer. With POLARIS_AUTH_JWKS (an address or a data: URI) keys come from there;
// without it the issuer is asked by OpenID discovery. The API checks the same three values.
import type { AuthConfig, AuthProvider } from "convex/server";

const issuer = process.env.POLARIS_AUTH_ISSUER;
const jwks = process.env.POLARIS_AUTH_JWKS;
const applicationID = process.env.POLARIS_AUTH_AUDIENCE || "convex";
const algorithm = process.env.POLARIS_AUTH_ALGORITHM === "RS256" ? "RS256" : "ES256";

const providers: AuthProvider[] = [];
if (issuer && jwks) {
  providers.push({ type: "customJwt", issuer, jwks, applicationID, algorithm });
} else if (issuer) {
  providers.push({ domain: issuer, applicationID });
}

export default { providers } satisfies AuthConfig;
