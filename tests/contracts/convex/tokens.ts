// The issuer that auth.config.ts of the behaviours folder trusts: one key for a test run, and tokens signed by it.
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const ISSUER = "https://issuer.test";
const AUDIENCE = "contracts";

const { publicKey, privateKey } = await generateKeyPair("ES256");
const stranger = await generateKeyPair("ES256");

const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" };

/** Its public keys, as a URL that needs no server. */
export const jwks = `data:application/json;base64,${btoa(JSON.stringify({ keys: [jwk] }))}`;

export async function token(subject: string, claims: Record<string, string> = {}, expiresIn = "5m"): Promise<string> {
  return sign(subject, claims, expiresIn, privateKey);
}

/** Signed by a key that the issuer does not have. */
export async function forgedToken(subject: string): Promise<string> {
  return sign(subject, {}, "5m", stranger.privateKey);
}

/** Runs out in two seconds, though clients think it has an hour: they look at how long it lives in all. */
export async function agedToken(subject: string): Promise<string> {
  return sign(subject, {}, "2s", privateKey, "1h ago");
}

async function sign(subject: string, claims: Record<string, string>, expiresIn: string, key: CryptoKey, issued = "0s"): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(issued)
    .setExpirationTime(expiresIn)
    .sign(key);
}
