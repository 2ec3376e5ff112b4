// A project goes to a repository on GitHub, gets what is new there, or proposes its changes; or is downloaded.
import { useQuery } from "convex/react";
import { useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import { wordsOf } from "../ui/problems.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, Form } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { saveAs } from "../ui/save.ts";
import { Account } from "./account.tsx";
import { Progress, useLatestTransfer } from "./progress.tsx";
import styles from "./transfers.module.css";

interface ExportProps {
  projectId: Id<"projects">;
  onClose: () => void;
}

export default function ExportDialog({ projectId, onClose }: ExportProps) {
  const transfer = useLatestTransfer(projectId);
  const [isStarted, setStarted] = useState(false);
  const isShown = transfer && (isStarted || transfer.status === "running");
  return (
    <Dialog label="Export the project" onClose={onClose} isWide>
      {isShown ? (
        <div className={styles.body}>
          <h2>GitHub</h2>
          <Progress transfer={transfer} />
          <footer>
            {transfer.status !== "running" && <Button onClick={() => setStarted(false)}>Back</Button>}
            <Button look="primary" onClick={onClose}>
              {transfer.status === "running" ? "Go on in the background" : "Close"}
            </Button>
          </footer>
        </div>
      ) : (
        <Where projectId={projectId} onStarted={() => setStarted(true)} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Where({ projectId, onStarted, onClose }: ExportProps & { onStarted: () => void }) {
  const http = useApi();
  const project = useQuery(api.projects.getById, { id: projectId });
  const link = project?.repository;
  const [isNew, setNew] = useState<boolean>();
  const [name, setName] = useState<string>();
  const [address, setAddress] = useState<string>();
  const [visibility, setVisibility] = useState("private");
  const [commitMessage, setMessage] = useState("");
  const makesNew = isNew ?? link === undefined;
  const repoName = name ?? (project?.name ?? "").replaceAll(/[^A-Za-z0-9._-]+/g, "-").toLowerCase();
  const repoUrl = address ?? link?.url ?? "";
  async function start() {
    const message = commitMessage.trim() === "" || makesNew ? {} : { commitMessage: commitMessage.trim() };
    await http.call("POST", "/github/export", { projectId, ...(makesNew ? { repoName, visibility } : { repoUrl, ...message }) });
    onStarted();
  }
  return (
    <Form
      title="Export the project"
      action="Export"
      canSubmit={project !== undefined && (makesNew ? repoName : repoUrl.trim()) !== ""}
      onClose={onClose}
      onSubmit={start}
    >
      <Account />
      <fieldset>
        <legend>To</legend>
        <Choice name="to" label="a new repository" isChosen={makesNew} onChoose={() => setNew(true)} />
        <Choice name="to" label="an existing one" isChosen={!makesNew} onChoose={() => setNew(false)} />
      </fieldset>
      {makesNew ? (
        <>
          <label>
            Name
            <input value={repoName} pattern="[A-Za-z0-9._\-]{1,100}" onChange={(event) => setName(event.target.value)} />
          </label>
          <fieldset>
            <legend>Who sees it</legend>
            <Choice name="who" label="only you" isChosen={visibility === "private"} onChoose={() => setVisibility("private")} />
            <Choice name="who" label="everybody" isChosen={visibility === "public"} onChoose={() => setVisibility("public")} />
          </fieldset>
        </>
      ) : (
        <>
          <label>
            Address
            <input placeholder="https://github.com/owner/name" value={repoUrl} onChange={(event) => setAddress(event.target.value)} />
          </label>
          <label>
            Commit message (empty: written from what has changed)
            <input value={commitMessage} onChange={(event) => setMessage(event.target.value)} />
          </label>
        </>
      )}
      <Others projectId={projectId} hasLink={link !== undefined} name={project?.name ?? "project"} onStarted={onStarted} />
    </Form>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  isChosen: boolean;
  onChoose: () => void;
}

function Choice({ name, label, isChosen, onChoose }: ChoiceProps) {
  return (
    <label>
      <input type="radio" name={name} checked={isChosen} onChange={onChoose} />
      {label}
    </label>
  );
}

interface OthersProps {
  projectId: Id<"projects">;
  hasLink: boolean;
  name: string;
  onStarted: () => void;
}

/** What else can be done: get what is new, propose changes, take it along as an archive. */
function Others({ projectId, hasLink, name, onStarted }: OthersProps) {
  const http = useApi();
  const say = useNotices();
  function begin(path: string) {
    http.call("POST", path, { projectId }).then(onStarted, (error: unknown) => say(wordsOf(error)));
  }
  async function download() {
    try {
      saveAs(await http.bytes(`/projects/${projectId}/archive?format=zip`), `${name}.zip`);
    } catch (error) {
      say(wordsOf(error));
    }
  }
  return (
    <div className={styles.sync}>
      {hasLink && <Button onClick={() => begin("/github/pull")}>Pull what is new</Button>}
      {hasLink && <Button onClick={() => begin("/github/pull-request")}>Open a pull request</Button>}
      <Button onClick={() => void download()}>Download as zip</Button>
    </div>
  );
}
