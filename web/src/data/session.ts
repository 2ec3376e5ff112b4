// Who looks at the page: the token of this tab, and what the server says of itself.
export interface Auth {
  readonly kind: "local" | "oidc";
  readonly issuer?: string;
  readonly audience?: string;
  readonly clientId?: string;
  readonly scopes?: readonly string[];
}

export interface Session {
  /** Null where nobody is signed in. It changes when it is renewed. */
  token: string | null;
  readonly auth: Auth;
  readonly convexUrl: string;
  readonly features: Readonly<Record<string, boolean>>;
  /** By name: the language of each suffix that a server knows. */
  readonly languageServers: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const TOKEN = "polaris.token";
export const RENEWAL = "polaris.renewal";

/** The session of this tab. A token in the address is kept for the tab, unless people sign in on the page itself. */
export async function openSession(): Promise<Session> {
  const response = await fetch("/api/session").catch(() => null);
  if (response === null || !response.ok) throw new Error("Polaris does not answer. Start it with “make dev”, then reload this page.");
  const said = (await response.json()) as Session;
  const { convexUrl, auth, features } = said;
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    if (auth.clientId === undefined) sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  const operator = auth.kind === "local"; // the only person there is sees and does everything
  return {
    ...said,
    token: sessionStorage.getItem(TOKEN),
    convexUrl: location.origin + convexUrl,
    features: { ...features, operator, signOut: auth.clientId !== undefined },
  };
}

/** The session's token, a new one if asked for and there is a way to one. */
export async function tokenOf(session: Session, isAskedAnew: boolean): Promise<string | null> {
  if (isAskedAnew && sessionStorage.getItem(RENEWAL) !== null) await (await import("./oidc.ts")).renew(session);
  return session.token;
}
