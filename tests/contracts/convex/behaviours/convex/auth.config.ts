// Who may sign in here: the tests' own issuer, whose public keys come with the environment.
import type { AuthConfig } from "convex/server";

export default {
  providers: [
    {
      type: "customJwt",
      issuer: "https://issuer.test",
      applicationID: "contracts",
      jwks: process.env.CONTRACTS_JWKS ?? "data:application/json,{}",
      algorithm: "ES256",
    },
  ],
} satisfies AuthConfig;
