// The MCP servers whose tools the agent has in this project, as in a `.mcp.json`.
import { useState } from "react";
import { useApi } from "../data/api.ts";
import { useLoaded } from "../data/loaded.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { wordsOf } from "../ui/problems.ts";
import { useDraft } from "./drafts.ts";
import { lineOf, type Servers, serversIn, textOf, withoutServer, withServer } from "./mcp-json.ts";
import { Section } from "./section.tsx";
import styles from "./settings.module.css";

interface Answer {
  mcpServers: Servers;
}

export function McpServers({ projectId }: { projectId: string }) {
  const path = `/projects/${projectId}/mcp-servers`;
  const { value, problem } = useLoaded<Answer>(path);
  if (value !== undefined) return <Loaded path={path} stored={value.mcpServers} />;
  return problem === undefined ? <p>Loading…</p> : <p role="alert">{wordsOf(problem)}</p>;
}

function Loaded({ path, stored: first }: { path: string; stored: Servers }) {
  const http = useApi();
  const [stored, setStored] = useState(first);
  const draft = useDraft(path, textOf(stored));
  const { servers, problem } = read(draft.value);
  async function save(text: string) {
    const { mcpServers } = await http.call<Answer>("PUT", path, { mcpServers: serversIn(text) });
    setStored(mcpServers);
  }
  return (
    <Section title="MCP servers" draft={draft} onSave={save}>
      <p>Answers that begin from now on have their tools. Programs run in the project’s sandbox.</p>
      <ul className={styles.servers}>
        {Object.entries(servers).map(([name, server]) => (
          <li key={name}>
            <b>{name}</b>
            <code>{lineOf(server)}</code>
            <IconButton icon="trash" label={`Remove ${name}`} onClick={() => draft.change(textOf(withoutServer(servers, name)))} />
          </li>
        ))}
      </ul>
      <label>
        As in a .mcp.json; null keeps a secret that is there
        <textarea className={styles.code} spellCheck={false} value={draft.value} onChange={({ target }) => draft.change(target.value)} />
      </label>
      {problem !== "" && <p role="status">{problem}</p>}
      <div className={styles.row}>
        <Button disabled={problem !== ""} onClick={() => draft.change(textOf(withServer(servers, "program")))}>
          <Icon name="plus" /> Add a program
        </Button>
        <Button disabled={problem !== ""} onClick={() => draft.change(textOf(withServer(servers, "address")))}>
          <Icon name="plus" /> Add an address
        </Button>
      </div>
    </Section>
  );
}

/** What the text says, or why it says nothing. */
function read(text: string): { servers: Servers; problem: string } {
  try {
    return { servers: serversIn(text), problem: "" };
  } catch (error) {
    return { servers: {}, problem: wordsOf(error) };
  }
}
