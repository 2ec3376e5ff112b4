// Whose account at GitHub is used, and the ways to one and away from it.
import { useCallback, useEffect, useState } from "react";
import { useApi } from "../data/api.ts";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import { type Begun, connectByCode } from "./device-login.ts";
import styles from "./transfers.module.css";

interface Connection {
  connected: boolean;
  username?: string;
  missingScopes?: string[];
  error?: string;
}

export function Account() {
  const http = useApi();
  const say = useNotices();
  const [connection, setConnection] = useState<Connection>();
  const [takesCode, setTakesCode] = useState(false);
  const ask = useCallback(() => {
    http.call<Connection>("GET", "/github/status").then(setConnection, (error: unknown) => say(wordsOf(error)));
  }, [http, say]);
  useEffect(ask, [ask]);
  const endCode = useCallback(
    (problem?: string) => {
      setTakesCode(false);
      if (problem === undefined) ask();
      else if (problem !== "") say(problem);
    },
    [ask, say],
  );
  function connect() {
    http.call<{ url: string }>("POST", "/github/connect", { returnTo: location.pathname }).then(
      ({ url }) => location.assign(url),
      (error: unknown) => say(wordsOf(error)),
    );
  }
  function disconnect() {
    http.call("DELETE", "/github/connection").then(ask, (error: unknown) => say(wordsOf(error)));
  }
  if (connection === undefined) return <p className={styles.or}>Asking for your GitHub account…</p>;
  if (takesCode) return <ByCode onEnd={endCode} />;
  const { connected, username = "the connected account", missingScopes = [], error } = connection;
  return (
    <div className={styles.account}>
      <span>{connected ? `As ${username} on GitHub${lacking(missingScopes)}.` : (error ?? "No GitHub account is connected.")}</span>
      {connected && (
        <Button look="quiet" onClick={disconnect}>
          Disconnect
        </Button>
      )}
      {!connected && http.features["github"] && (
        <>
          <Button onClick={connect}>Connect</Button>
          <Button onClick={() => setTakesCode(true)}>By a code</Button>
        </>
      )}
    </div>
  );
}

function lacking(scopes: readonly string[]): string {
  return scopes.length === 0 ? "" : `, which has not allowed ${scopes.join(" and ")}`;
}

/** `onEnd`: with what went wrong, an empty text if the person gave up, with nothing once an account is connected. */
function ByCode({ onEnd }: { onEnd: (problem?: string) => void }) {
  const http = useApi();
  const [begun, setBegun] = useState<Begun>();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    connectByCode(http, setBegun, stop.signal).then(
      () => onEnd(),
      (error: unknown) => stop.signal.aborted || onEnd(wordsOf(error)),
    );
    return () => stop.abort();
  }, [http, onEnd]);
  if (begun === undefined) return <p className={styles.or}>Asking GitHub for a code…</p>;
  const { userCode, verificationUri } = begun;
  return (
    <div className={styles.code}>
      <p>
        Type this code in at{" "}
        <a href={verificationUri} target="_blank" rel="noreferrer">
          {verificationUri.replace(/^https:\/\//, "")}
        </a>
        :
      </p>
      <div>
        <output aria-label="Code for GitHub">{userCode}</output>
        <Button onClick={() => void navigator.clipboard.writeText(userCode).then(() => setCopied(true))}>
          {isCopied ? "Copied" : "Copy"}
        </Button>
        <Button look="quiet" onClick={() => onEnd("")}>
          Give up
        </Button>
      </div>
      <p role="status">Waiting for GitHub…</p>
    </div>
  );
}
