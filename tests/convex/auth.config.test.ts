// @vitest-environment edge-runtime
// Which providers the environment asks for.
import { beforeEach, expect, test, vi } from "vitest";

const NAMES = ["ISSUER", "JWKS", "AUDIENCE", "ALGORITHM"];

beforeEach(() => {
  for (const name of NAMES) delete process.env[`POLARIS_AUTH_${name}`];
});

async function providers(given: Record<string, string>) {
  for (const [name, value] of Object.entries(given)) process.env[`POLARIS_AUTH_${name}`] = value;
  vi.resetModules();
  return (await import("../../convex/auth.config.ts")).default.providers;
}

const ISSUER = "https://id.example";
const keys = (kty: string) => JSON.stringify({ keys: [{ kty }] });

test("nobody is accepted where nothing is configured", async () => {
  expect(await providers({ AUDIENCE: "polaris" })).toEqual([]);
});

test("an issuer alone is asked by discovery", async () => {
  expect(await providers({ ISSUER })).toEqual([{ domain: ISSUER, applicationID: "convex" }]);
});

for (const [name, JWKS, algorithm] of [
  ["an elliptic key at hand", `data:application/json,${encodeURIComponent(keys("EC"))}`, "ES256"],
  ["the same in base64", `data:application/json;base64,${btoa(keys("EC"))}`, "ES256"],
  ["an RSA key at hand", `data:application/json;base64,${btoa(keys("RSA"))}`, "RS256"],
  ["keys behind an address", "https://id.example/jwks.json", "RS256"],
] as const) {
  test(`${name}: ${algorithm}`, async () => {
    expect(await providers({ ISSUER, JWKS, AUDIENCE: "polaris" })).toEqual([
      { type: "customJwt", issuer: ISSUER, jwks: JWKS, algorithm, applicationID: "polaris" },
    ]);
  });
}

test("the algorithm can be told", async () => {
  const JWKS = "https://id.example/jwks.json";
  const [provider] = await providers({ ISSUER, JWKS, ALGORITHM: "ES256" });
  expect(provider).toMatchObject({ algorithm: "ES256", applicationID: undefined });
});
