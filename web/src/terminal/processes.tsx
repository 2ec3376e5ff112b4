// The servers and watchers that the agent has started in a project: what they print, and an end to them.
import { useEffect } from "react";
import { useApi } from "../data/api.ts";
import { useLoaded } from "../data/loaded.ts";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import { quoted } from "./sessions.ts";
import styles from "./terminal.module.css";

interface Process {
  readonly processId: string;
  readonly command: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly exitCode?: number;
  readonly ending?: string;
  readonly output: string;
}

const ENDINGS: Readonly<Record<string, string>> = {
  stopped: "stopped",
  timeout: "ended after four hours",
  output: "ended, it printed too much,",
  memory: "ended, it used too much memory,",
  tasks: "ended, it had too many threads,",
};

const AGAIN_MS = 2_000; // no channel tells what a process prints; it is asked for while somebody looks

export function Processes({ projectId, onTell }: { projectId: string; onTell: (text: string) => void }) {
  const { value, problem, again } = useLoaded<{ processes: readonly Process[] }>(`/projects/${projectId}/processes`);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") again();
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, [again]);
  return (
    <div className={styles.processes} role="group" aria-label="Processes">
      {problem !== undefined && <p role="alert">{wordsOf(problem)}</p>}
      {value?.processes.length === 0 && <p>The agent has started no servers or watchers here.</p>}
      {value?.processes.map((each) => (
        <Row key={each.processId} projectId={projectId} process={each} onChange={again} onTell={onTell} />
      ))}
    </div>
  );
}

interface RowProps {
  projectId: string;
  process: Process;
  onChange: () => void;
  onTell: (text: string) => void;
}

function Row({ projectId, process, onChange, onTell }: RowProps) {
  const http = useApi();
  const say = useNotices();
  const { processId, command, output } = process;
  function stop() {
    http.call("POST", `/projects/${projectId}/processes/${processId}/stop`).then(onChange, (error: unknown) => say(wordsOf(error)));
  }
  return (
    <article aria-label={command}>
      <header>
        <code>{command}</code>
        <span>{stateOf(process)}</span>
        <Button
          look="quiet"
          onClick={() => onTell(quoted(`The process \`${command}\` says:`, output.trimEnd().split("\n").slice(-40).join("\n")))}
        >
          Tell the agent
        </Button>
        {process.endedAt === undefined && <Button onClick={stop}>Stop</Button>}
      </header>
      {output.trim() !== "" && (
        <pre tabIndex={0} aria-label={`Output of ${command}`}>
          {output}
        </pre>
      )}
    </article>
  );
}

function stateOf({ startedAt, endedAt, exitCode, ending }: Process): string {
  if (endedAt === undefined) return `running since ${timeOf(startedAt)}`;
  const how = ending !== "exited" ? (ENDINGS[ending ?? ""] ?? ending) : exitCode === 0 ? "ended" : `failed with exit code ${exitCode}`;
  return `${how} at ${timeOf(endedAt)}`;
}

function timeOf(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
