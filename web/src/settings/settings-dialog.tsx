// The settings of a project, in parts that are saved one by one.
import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Approvals } from "./approvals.tsx";
import { General } from "./general.tsx";
import { McpServers } from "./mcp-servers.tsx";
import { McpToken } from "./mcp-token.tsx";
import styles from "./settings.module.css";
import { Usage } from "./usage.tsx";

const PARTS = ["General", "Approvals", "MCP", "Usage"] as const;

interface SettingsProps {
  projectId: Id<"projects">;
  onClose: () => void;
}

export default function SettingsDialog({ projectId, onClose }: SettingsProps) {
  const [part, setPart] = useState<(typeof PARTS)[number]>("General");
  const project = useQuery(api.projects.getById, { id: projectId });
  const settings = useQuery(api.settings.get, { projectId });
  const isThere = project !== undefined && settings !== undefined;
  return (
    <Dialog label="Settings of the project" onClose={onClose} isWide>
      <header className={styles.head}>
        <h2>Settings of the project</h2>
        <nav aria-label="Parts of the settings">
          {PARTS.map((each) => (
            <button key={each} type="button" aria-pressed={part === each} onClick={() => setPart(each)}>
              {each}
            </button>
          ))}
        </nav>
      </header>
      <div className={styles.body} key={part}>
        {!isThere && <p>Loading…</p>}
        {isThere && part === "General" && <General projectId={projectId} name={project.name} settings={settings} onClose={onClose} />}
        {isThere && part === "Approvals" && <Approvals projectId={projectId} settings={settings} />}
        {part === "MCP" && (
          <>
            <McpServers projectId={projectId} />
            <McpToken projectId={projectId} />
          </>
        )}
        {part === "Usage" && <Usage projectId={projectId} />}
      </div>
      <div className={styles.foot}>
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}
