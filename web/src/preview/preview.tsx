// What a server in the project's sandbox shows, in a frame of an origin of its own, beside the editor.
import { type SubmitEvent, useEffect, useState } from "react";
import { useApi } from "../data/api.ts";
import { useLoaded } from "../data/loaded.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./preview.module.css";

interface PreviewProps {
  projectId: string;
  listening: number | null; // the port of a server that has just said where it listens
  onRun: (command: string) => void;
  onTell: (port: number) => Promise<void>;
  onHide: () => void;
}

interface Looked {
  readonly port: number;
  readonly url: string; // good for a minute, and once opened for twelve hours
}

/** It may run scripts and keep things on its own origin; it may not lead the page around it elsewhere. */
const ALLOWED = "allow-scripts allow-same-origin allow-forms allow-modals allow-popups allow-downloads";

export default function Preview({ projectId, listening, onRun, onTell, onHide }: PreviewProps) {
  const { port, setPort, looked, problem, look, openInTab } = usePreview(projectId);
  useEffect(() => {
    if (listening !== null && looked === null) setPort(`${listening}`);
  }, [listening, looked, setPort]);
  function submit(event: SubmitEvent) {
    event.preventDefault();
    void look();
  }
  return (
    <section className={styles.panel} aria-label="Preview">
      <form className={styles.bar} onSubmit={submit}>
        <label>
          Port
          <input inputMode="numeric" pattern="[0-9]{1,5}" required value={port} onChange={({ target }) => setPort(target.value.trim())} />
        </label>
        <Button type="submit">{looked === null ? "Show" : "Reload"}</Button>
        <span />
        {looked !== null && (
          <Button look="quiet" title="Tell the agent about this error" onClick={() => void onTell(looked.port)}>
            Tell the agent
          </Button>
        )}
        <IconButton icon="share" label="Open in a tab of its own" disabled={port === ""} onClick={() => void openInTab()} />
        <IconButton icon="close" label="Hide the preview" onClick={onHide} />
      </form>
      {problem !== "" && (
        <p role="alert" className={styles.problem}>
          {problem}
        </p>
      )}
      {looked === null ? (
        <Begin projectId={projectId} listening={listening} onRun={onRun} />
      ) : (
        <iframe key={looked.url} src={looked.url} title={`Preview of port ${looked.port}`} sandbox={ALLOWED} className={styles.frame} />
      )}
    </section>
  );
}

/** What is looked at; the port is remembered for the project. */
function usePreview(projectId: string) {
  const http = useApi();
  const key = `polaris.port.${projectId}`;
  const [port, setPort] = useState(() => localStorage.getItem(key) ?? "");
  const [looked, setLooked] = useState<Looked | null>(null);
  const [problem, setProblem] = useState("");
  async function opened(): Promise<Looked | null> {
    setProblem("");
    try {
      const { url } = await http.call<{ url: string }>("POST", `/projects/${projectId}/preview`, { port: Number(port) });
      localStorage.setItem(key, port);
      return { port: Number(port), url };
    } catch (error) {
      setProblem(wordsOf(error));
      return null;
    }
  }
  async function openInTab() {
    const there = await opened();
    if (there !== null) window.open(there.url, "_blank", "noopener");
  }
  return { port, setPort, looked, problem, look: async () => setLooked(await opened()), openInTab };
}

function Begin({ projectId, listening, onRun }: Pick<PreviewProps, "projectId" | "listening" | "onRun">) {
  const { value } = useLoaded<{ devCommand?: string }>(`/projects/${projectId}/settings`);
  const command = value?.devCommand;
  return (
    <div className={styles.begin}>
      <p>
        {listening === null
          ? "Start a server in the terminal, or let the agent do it; then show its port here."
          : `A server listens on port ${listening}.`}
      </p>
      {command !== undefined && <Button onClick={() => onRun(command)}>Run “{command}” in a terminal</Button>}
    </div>
  );
}
