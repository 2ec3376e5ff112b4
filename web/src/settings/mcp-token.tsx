// The token by which other programs use the project's tools over MCP: made, shown once, withdrawn.
import { useEffect, useRef, useState } from "react";
import { useApi } from "../data/api.ts";
import { Code } from "../prose/code.tsx";
import { Button } from "../ui/button.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./settings.module.css";

export function McpToken({ projectId }: { projectId: string }) {
  const http = useApi();
  const [token, setToken] = useState("");
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState("");
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (said !== "") end.current?.scrollIntoView({ block: "nearest" }); // what is shown once is seen
  }, [said, token]);
  const path = `/projects/${projectId}/mcp-token`;
  async function attempt(act: () => Promise<void>) {
    setProblem("");
    try {
      await act();
    } catch (error) {
      setProblem(wordsOf(error));
    }
  }
  async function make() {
    setToken((await http.call<{ token: string }>("POST", path)).token);
    setSaid("This token is shown once. One that there was before holds no more.");
  }
  async function withdraw() {
    await http.call("DELETE", path);
    setToken("");
    setSaid("There is no token any more: nobody uses the project’s tools over MCP.");
  }
  return (
    <section className={styles.plain}>
      <h3>Token for MCP clients</h3>
      <p>
        With it, another program uses the agent’s tools on this project, at <code>{location.origin}/mcp</code>.
      </p>
      {token !== "" && <Code text={token} language="token" />}
      <p role="status">{said}</p>
      {problem !== "" && <p role="alert">{problem}</p>}
      <div ref={end} className={styles.row}>
        <Button onClick={() => void attempt(make)}>Make a new token</Button>
        <Button look="danger" onClick={() => void attempt(withdraw)}>
          Withdraw the token
        </Button>
      </div>
    </section>
  );
}
