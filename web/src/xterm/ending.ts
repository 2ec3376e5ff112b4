// What the end of a terminal's connection means, in words, and what follows. Pure; the codes are those of docs/http-api.md.

/** What is known of a connection that has ended. */
export interface Ended {
  readonly code: number;
  readonly reason: string;
  readonly hadSession: boolean; // it was opened with the session of a shell that was there before
  readonly problem?: { readonly error: string; readonly code: string } | undefined; // what the server said last
  readonly exitCode?: number | null | undefined;
}

export interface Next {
  readonly words: string;
  /** `retry` by itself, `fresh`: at once and with a new shell, or `ask` the person, by a button. */
  readonly follows: "retry" | "fresh" | "ask";
  readonly action: string;
  readonly keepsSession: boolean;
}

const RETRY = { follows: "retry", action: "Try now", keepsSession: true } as const;
const ASK = { follows: "ask", action: "Try again", keepsSession: true } as const;
const OVER = { follows: "ask", action: "New shell", keepsSession: false } as const;

export function after({ code, reason, hadSession, problem, exitCode }: Ended): Next {
  switch (code) {
    case 1000:
      return { ...OVER, words: `The shell has ended${typeof exitCode === "number" ? ` with exit code ${exitCode}` : ""}.` };
    case 4010:
      return { ...OVER, words: reason === "" ? "The shell was ended." : `The shell is over: ${reason}.` };
    case 4001:
      return { ...ASK, action: "Use it here", words: "This terminal was opened in another window." };
    case 4401:
      return { ...ASK, words: "The server does not take the token of this page any more. Sign in again, then reload the page." };
    case 4404:
      if (hadSession && problem?.code === "no_such_terminal") {
        return { follows: "fresh", action: "", keepsSession: false, words: "The earlier shell is over; this is a new one." };
      }
      return { ...ASK, keepsSession: false, words: "There is no such project any more." };
    case 4429:
      return { ...RETRY, words: said(problem, "That was too often.") };
    case 4503:
      if (problem?.code === "no_sandbox") return { ...ASK, words: said(problem, "There are no terminals here.") };
      return { ...RETRY, words: said(problem, "Something behind Polaris is away.") };
    case 1001:
    case 1005:
    case 1006:
    case 1012:
      return { ...RETRY, words: "Polaris does not answer." };
    default:
      return { ...ASK, words: said(problem, reason === "" ? `The connection was closed (${code}).` : `${reason}.`) };
  }
}

function said(problem: Ended["problem"], otherwise: string): string {
  if (problem === undefined) return otherwise;
  return problem.error.endsWith(".") ? problem.error : `${problem.error}.`;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** How long to wait before the `attempt`th try, counted from 0. */
export function waitMs(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
}

const LISTENS = /https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d{1,5})\b/g;

/** The port at which a server says in `text` that it listens, the last one. */
export function portIn(text: string): number | null {
  const port = Number([...text.matchAll(LISTENS)].at(-1)?.[1] ?? 0);
  return port >= 1 && port <= 65_535 ? port : null;
}
