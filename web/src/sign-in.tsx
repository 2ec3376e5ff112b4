// Nobody is signed in: the way in, and why the last one did not lead there.
import { useEffect, useState } from "react";
import { forget, hasSignedOut, hostOf, isAnswer, isOver, signIn, takeAnswer } from "./data/oidc.ts";
import type { Session } from "./data/session.ts";
import styles from "./sign-in.module.css";
import { Button } from "./ui/button.tsx";
import { wordsOf } from "./ui/problems.ts";

/** `session.token` is one that the server does not take. */
export default function SignIn({ session: { auth, token } }: { session: Session }) {
  const canSignIn = auth.clientId !== undefined;
  const [isBusy, setBusy] = useState(canSignIn && isAnswer());
  const [problem, setProblem] = useState<string>();
  const fail = (error: unknown) => (setBusy(false), setProblem(wordsOf(error)));
  useEffect(() => {
    forget(); // here no token holds
    if (isBusy) takeAnswer(auth).then((path) => location.replace(path), fail);
  }, []);
  function begin() {
    setBusy(true);
    setProblem(undefined);
    signIn(auth).catch(fail);
  }
  return (
    <main className={styles.page} aria-busy={isBusy}>
      <h1>{token === null && !hasSignedOut() ? "Sign in to Polaris" : "Signed out"}</h1>
      <p role={problem === undefined ? "status" : "alert"}>{problem ?? wordsFor({ auth, token }, isBusy)}</p>
      {canSignIn && (
        <Button look="primary" disabled={isBusy} onClick={begin}>
          {isBusy ? "Signing in…" : "Sign in"}
        </Button>
      )}
    </main>
  );
}

function wordsFor({ auth, token }: Pick<Session, "auth" | "token">, isBusy: boolean): string {
  const isEnded = token !== null && isOver(token);
  if (auth.kind === "local") {
    const address = "the address that “make dev” prints: it ends in #token=… and signs you in.";
    return token === null ? `Open ${address}` : `The server does not take this token any more. Open ${address}`;
  }
  const host = hostOf(auth);
  if (auth.clientId === undefined) return `This server signs people in elsewhere. Open the page with #token=… of ${host}.`;
  if (isBusy) return `Asking ${host}…`;
  if (isEnded) return "Your sign-in has ended. Sign in again, and go on where you are.";
  if (token !== null)
    return `The server does not take the token of ${host}. Sign in again; if that does not help, POLARIS_AUTH_AUDIENCE is wrong.`;
  if (hasSignedOut()) return `You are signed out here. ${host} may still know you: sign out there too on a machine that others use.`;
  return `You are led to ${host}, and back to where you are.`;
}
