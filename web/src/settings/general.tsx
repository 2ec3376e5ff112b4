// What the project is called, how it is run, by what the agent's tools name files, and the rules that the agent reads.
import { useMutation } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { use } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { filePath, useApi } from "../data/api.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import { useDraft } from "./drafts.ts";
import { Section } from "./section.tsx";
import styles from "./settings.module.css";

export type Settings = FunctionReturnType<typeof api.settings.get>;

const RULES = ["AGENTS.md", "CLAUDE.md", ".polaris/rules.md"];
const NEW_RULES = ".polaris/rules.md";

interface GeneralProps {
  projectId: Id<"projects">;
  name: string;
  settings: Settings;
  onClose: () => void;
}

export function General({ projectId, name, settings, onClose }: GeneralProps) {
  const rename = useMutation(api.projects.rename);
  const update = useMutation(api.settings.update);
  const naming = useDraft(`${projectId} name`, name);
  const { installCommand = "", devCommand = "", toolSet = "paths" } = settings;
  const running = useDraft(`${projectId} commands`, { installCommand, devCommand });
  const tools = useDraft(`${projectId} tools`, toolSet);
  return (
    <>
      <Section title="Name" draft={naming} onSave={(typed) => rename({ id: projectId, name: typed.trim() })}>
        <input aria-label="Name of the project" value={naming.value} onChange={({ target }) => naming.change(target.value)} />
      </Section>
      <Section
        title="Commands of the preview"
        draft={running}
        onSave={(typed) => {
          const change = { installCommand: typed.installCommand.trim() || null, devCommand: typed.devCommand.trim() || null };
          return update({ projectId, change });
        }}
      >
        <label>
          Install
          <input
            className={styles.code}
            placeholder="npm install"
            value={running.value.installCommand}
            onChange={({ target }) => running.change({ ...running.value, installCommand: target.value })}
          />
        </label>
        <label>
          Start
          <input
            className={styles.code}
            placeholder="npm run dev"
            value={running.value.devCommand}
            onChange={({ target }) => running.change({ ...running.value, devCommand: target.value })}
          />
        </label>
      </Section>
      <Section title="Tools of the agent" draft={tools} onSave={(chosen) => update({ projectId, change: { toolSet: chosen } })}>
        <label>
          Its file tools name files by
          <select value={tools.value} onChange={({ target }) => tools.change(target.value === "ids" ? "ids" : "paths")}>
            <option value="paths">their paths</option>
            <option value="ids">their ids</option>
          </select>
        </label>
      </Section>
      <Rules projectId={projectId} onClose={onClose} />
    </>
  );
}

/** The files in which the project says how the agent is to work; they are edited as every file. */
function Rules({ projectId, onClose }: { projectId: string; onClose: () => void }) {
  const http = useApi();
  const say = useNotices();
  const places = use(PlacesContext);
  const there = RULES.filter((path) => places?.has(path));
  function open(path: string) {
    onClose();
    places?.open(path, undefined);
  }
  async function write() {
    try {
      await http.call("PUT", filePath(projectId, NEW_RULES), { content: "" });
      open(NEW_RULES);
    } catch (error) {
      say(wordsOf(error));
    }
  }
  return (
    <section className={styles.plain}>
      <h3>Rules</h3>
      <p>What the agent is to know and keep to in this project, in files that it reads with each message.</p>
      <div className={styles.row}>
        {there.map((path) => (
          <Button key={path} onClick={() => open(path)}>
            Open {path}
          </Button>
        ))}
        {!there.includes(NEW_RULES) && <Button onClick={() => void write()}>Write {NEW_RULES}</Button>}
      </div>
    </section>
  );
}
