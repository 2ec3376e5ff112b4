// Who looks at the page: the token of its address, and what the server says of itself.
export interface Session {
  readonly token: string;
  readonly convexUrl: string;
  readonly features: Readonly<Record<string, boolean>>;
}

/** Why there is no session, in words for people. */
export class NoSession extends Error {}

interface SessionAnswer {
  convexUrl: string;
  auth: { kind: "local" | "oidc" };
  features: Record<string, boolean>;
}

const KEY = "polaris.token";

/** The session of this tab. The token of the address is kept for the tab, and taken out of the address. */
export async function openSession(): Promise<Session> {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  const response = await fetch("/api/session").catch(() => null);
  if (response === null || !response.ok) throw new NoSession("Polaris does not answer. Start it with “make dev”, then reload this page.");
  const { convexUrl, auth, features } = (await response.json()) as SessionAnswer;
  const token = sessionStorage.getItem(KEY);
  if (token === null && auth.kind === "oidc") {
    throw new NoSession("This server signs people in elsewhere. Open the page with #token=… of your identity provider.");
  }
  if (token === null) throw new NoSession("Open the address that “make dev” prints: it ends in #token=… and signs you in.");
  const isOperator = auth.kind === "local"; // the only person there is sees and does everything
  return { token, convexUrl: location.origin + convexUrl, features: { ...features, operator: isOperator } };
}

/** Forgets the token, which the server does not take any more. */
export function closeSession(): void {
  sessionStorage.removeItem(KEY);
}
