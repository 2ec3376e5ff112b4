// Signing in at an issuer: OIDC's authorization code flow with PKCE, as a public client. Tokens are kept for this tab alone.
import { type Auth, RENEWAL, type Session, TOKEN } from "./session.ts";

const BEGUN = "polaris.sign-in";
const LEFT = "polaris.signed-out";
const WAIT_MS = 10_000;

interface Begun {
  state: string;
  nonce: string;
  verifier: string;
  /** Where the person was, within this origin. */
  path: string;
}

interface Discovery {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
}

interface Tokens {
  access_token?: string;
  id_token?: string;
  refresh_token?: string;
}

interface Claims {
  exp?: number;
  nonce?: string;
}

/** What an issuer refused; `code` is OAuth's. */
class IssuerRefused extends Error {
  readonly code: string;
  constructor(code: string, words: string) {
    super(words);
    this.code = code;
  }
}

/** Where the issuer sends the browser back to; it has to be registered there. */
export const callback = (): string => `${location.origin}/`;

/** Whether the address is an issuer's answer. */
export function isAnswer(): boolean {
  const query = new URLSearchParams(location.search);
  return location.pathname === "/" && query.has("state") && (query.has("code") || query.has("error"));
}

/** Leads the browser to the issuer. Raises Error, in words. */
export async function signIn(auth: Auth): Promise<void> {
  if (!isSecureContext) throw new Error("Signing in needs https, or an address of this machine: the browser keeps its keys to those.");
  const { authorization_endpoint } = await discovered(auth);
  const path = isAnswer() ? "/" : location.pathname + location.search;
  const begun: Begun = { state: chance(), nonce: chance(), verifier: chance(), path };
  const address = new URL(authorization_endpoint);
  const asked: Record<string, string> = {
    response_type: "code",
    client_id: auth.clientId ?? "",
    redirect_uri: callback(),
    scope: auth.scopes?.join(" ") ?? "openid",
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: await challengeOf(begun.verifier),
    code_challenge_method: "S256",
  };
  if (auth.audience !== undefined && auth.audience !== auth.clientId) asked["audience"] = auth.audience;
  if (sessionStorage.getItem(LEFT) !== null) asked["prompt"] = "login"; // who has signed out is not led back in without a word
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  sessionStorage.setItem(BEGUN, JSON.stringify(begun));
  location.assign(address);
}

/** Takes the issuer's answer out of the address and its tokens in; gives where the person was. Raises Error, in words. */
export async function takeAnswer(auth: Auth): Promise<string> {
  const query = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(BEGUN);
  sessionStorage.removeItem(BEGUN);
  history.replaceState(null, "", "/");
  const begun = kept === null ? null : (JSON.parse(kept) as Begun);
  const from = query.get("iss") ?? auth.issuer;
  if (begun === null || query.get("state") !== begun.state || from !== auth.issuer)
    throw new Error("This answer belongs to no sign-in that was begun in this tab. Begin again.");
  history.replaceState(null, "", begun.path); // whatever fails from here on, the next attempt leads back to there
  const error = query.get("error");
  if (error === "access_denied") throw new Error(`${hostOf(auth)} says that you were not let in, or did not want to be.`);
  if (error !== null) throw new Error(`${hostOf(auth)} refuses: ${query.get("error_description") ?? error}`);
  const given = await asked(auth, {
    grant_type: "authorization_code",
    code: query.get("code") ?? "",
    redirect_uri: callback(),
    code_verifier: begun.verifier,
  });
  if (given.id_token !== undefined && claimsOf(given.id_token)?.nonce !== begun.nonce)
    throw new Error(`The token of ${hostOf(auth)} is of another sign-in. Begin again.`);
  keep(auth, given);
  sessionStorage.removeItem(LEFT);
  return begun.path;
}

let renewing: Promise<void> | undefined;

/** A new token for the session; where the issuer gives none, or does not answer, it keeps the one it has. */
export async function renew(session: Session): Promise<void> {
  renewing ??= renewed(session).finally(() => (renewing = undefined)); // a refresh token may be used once
  await renewing;
}

async function renewed(session: Session): Promise<void> {
  try {
    const given = await asked(session.auth, { grant_type: "refresh_token", refresh_token: sessionStorage.getItem(RENEWAL) ?? "" });
    session.token = keep(session.auth, given);
  } catch (error) {
    if (!(error instanceof IssuerRefused)) return;
    sessionStorage.removeItem(RENEWAL);
  }
}

/** Forgets the tokens of this tab. Says that a person wanted it, so that the next sign-in asks who they are. */
export function signOut(): void {
  forget();
  sessionStorage.setItem(LEFT, "");
}

export function forget(): void {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(RENEWAL);
}

export const hasSignedOut = (): boolean => sessionStorage.getItem(LEFT) !== null;

/** Whether a token's time is over. */
export function isOver(token: string): boolean {
  return (claimsOf(token)?.exp ?? Infinity) * 1000 <= Date.now();
}

/** The issuer, as people know it. */
export function hostOf({ issuer = "" }: Auth): string {
  return URL.canParse(issuer) ? new URL(issuer).host : issuer;
}

/** The token that the API takes: an access token that is a JWT, unless the audience is this client itself. */
export function tokenFor(auth: Auth, { access_token, id_token }: Tokens): string | undefined {
  const isForApi = access_token !== undefined && claimsOf(access_token) !== null && auth.audience !== auth.clientId;
  return isForApi ? access_token : id_token;
}

function keep(auth: Auth, given: Tokens): string {
  const token = tokenFor(auth, given);
  if (token === undefined) throw new IssuerRefused("no_token", `${hostOf(auth)} gave no token that Polaris can read, which is a JWT.`);
  sessionStorage.setItem(TOKEN, token);
  if (given.refresh_token !== undefined) sessionStorage.setItem(RENEWAL, given.refresh_token);
  return token;
}

async function discovered(auth: Auth): Promise<Discovery> {
  const issuer = auth.issuer ?? "";
  const said = (await answered(auth, `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`)) as Partial<Discovery>;
  const { authorization_endpoint, token_endpoint } = said;
  if (said.issuer !== issuer) throw new Error(`${hostOf(auth)} says that it is ${said.issuer}; POLARIS_AUTH_ISSUER has to be that.`);
  if (authorization_endpoint === undefined || token_endpoint === undefined)
    throw new Error(`${hostOf(auth)} does not say where people sign in. Is it an OIDC issuer?`);
  if (new URL(token_endpoint).origin !== new URL(issuer).origin)
    throw new Error(`${hostOf(auth)} gives tokens at another origin, ${new URL(token_endpoint).origin}, which the page may not ask.`);
  return { issuer, authorization_endpoint, token_endpoint };
}

async function asked(auth: Auth, body: Record<string, string>): Promise<Tokens> {
  const { token_endpoint } = await discovered(auth);
  const form = new URLSearchParams({ ...body, client_id: auth.clientId ?? "" });
  return (await answered(auth, token_endpoint, form)) as Tokens;
}

/** What the issuer answers, a JSON object. Raises IssuerRefused, or Error where it does not answer. */
async function answered(auth: Auth, address: string, form?: URLSearchParams): Promise<object> {
  const options = form === undefined ? {} : { method: "POST", body: form };
  const signal = AbortSignal.timeout(WAIT_MS);
  const response = await fetch(address, { ...options, signal, credentials: "omit" }).catch(() => null);
  const away = new Error(`${hostOf(auth)} does not answer this page. Try again in a moment.`);
  if (response === null || response.status >= 500) throw away;
  const said: unknown = await response.json().catch(() => null);
  if (typeof said !== "object" || said === null) throw away;
  if (response.ok) return said;
  const { error = `${response.status}`, error_description } = said as { error?: string; error_description?: string };
  if (error === "invalid_grant") throw new IssuerRefused(error, "The sign-in took too long, or was used before. Begin again.");
  throw new IssuerRefused(error, `${hostOf(auth)} refuses: ${error_description ?? error}`);
}

/** What a JWT says, unchecked: the server checks it. Null: it is none. */
function claimsOf(token: string): Claims | null {
  try {
    const [, body = "", signature] = token.split(".");
    if (signature === undefined) return null;
    const bytes = Uint8Array.from(atob(body.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  } catch {
    return null;
  }
}

/** 256 bits of chance, as PKCE wants them. */
function chance(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
