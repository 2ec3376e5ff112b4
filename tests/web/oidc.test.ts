// Which of an issuer's tokens the API is given, and how an issuer is named.
import { expect, test } from "vitest";
import { hostOf, isOver, tokenFor } from "../../web/src/data/oidc.ts";

const jwt = (claims: object) => `x.${btoa(JSON.stringify(claims))}.x`;
const access_token = jwt({ aud: "api" });
const id_token = jwt({ aud: "page" });
const auth = { kind: "oidc", issuer: "https://login.example/realms/a", clientId: "page" } as const;

test("the access token, where it is a JWT", () => {
  expect(tokenFor(auth, { access_token, id_token })).toBe(access_token);
  expect(tokenFor({ ...auth, audience: "api" }, { access_token, id_token })).toBe(access_token);
});

test("the ID token, where the access token is none or the audience is the page itself", () => {
  for (const opaque of ["opaque", "a.b", "a.b.c", ""]) expect(tokenFor(auth, { access_token: opaque, id_token })).toBe(id_token);
  expect(tokenFor({ ...auth, audience: "page" }, { access_token, id_token })).toBe(id_token);
  expect(tokenFor(auth, { access_token: "opaque" })).toBeUndefined();
});

test("a token is over by its own word only", () => {
  expect(isOver(jwt({ exp: 1 }))).toBe(true);
  expect([jwt({ exp: 4e9 }), jwt({}), "opaque", "a.b.c"].map(isOver)).toEqual([false, false, false, false]);
});

test("an issuer is named by its host", () => {
  expect(hostOf(auth)).toBe("login.example");
  expect(hostOf({ kind: "oidc", issuer: "no address" })).toBe("no address");
});
