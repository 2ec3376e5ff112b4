// A new project from a repository on GitHub, or from an archive; how far it is, and what could not come in.
import { useState } from "react";
import { useLocation } from "wouter";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, Form } from "../ui/dialog.tsx";
import { Account } from "./account.tsx";
import { Progress, useLatestTransfer } from "./progress.tsx";
import styles from "./transfers.module.css";

interface Started {
  projectId: Id<"projects">;
}

export default function ImportDialog({ onClose }: { onClose: () => void }) {
  const [started, setStarted] = useState<Id<"projects">>();
  return (
    <Dialog label="Import a project" onClose={onClose} isWide>
      {started === undefined ? (
        <Source onStarted={setStarted} onClose={onClose} />
      ) : (
        <Under projectId={started} onBack={() => setStarted(undefined)} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Source({ onStarted, onClose }: { onStarted: (projectId: Id<"projects">) => void; onClose: () => void }) {
  const http = useApi();
  const [address, setAddress] = useState("");
  const [archive, setArchive] = useState<File>();
  async function start() {
    const { projectId } =
      archive === undefined
        ? await http.call<Started>("POST", "/github/import", { url: address.trim() })
        : await http.call<Started>("POST", `/projects/import?name=${encodeURIComponent(plainName(archive.name))}`, archive);
    onStarted(projectId);
  }
  return (
    <Form
      title="Import a project"
      action="Import"
      canSubmit={address.trim() !== "" || archive !== undefined}
      onClose={onClose}
      onSubmit={start}
    >
      <label>
        Repository on GitHub
        <input
          autoFocus
          placeholder="owner/name, or any address of it: a branch, a folder, a commit"
          value={address}
          disabled={archive !== undefined}
          onChange={(event) => setAddress(event.target.value)}
        />
      </label>
      {http.features["github"] && <Account />}
      <label>
        or an archive (zip, tar.gz)
        <input type="file" accept=".zip,.tgz,.gz" onChange={(event) => setArchive(event.target.files?.[0])} />
      </label>
    </Form>
  );
}

function plainName(file: string): string {
  return file.replace(/(\.tar)?\.(gz|tgz|zip)$|\.tgz$/i, "") || "Imported";
}

interface UnderProps {
  projectId: Id<"projects">;
  onBack: () => void;
  onClose: () => void;
}

function Under({ projectId, onBack, onClose }: UnderProps) {
  const transfer = useLatestTransfer(projectId);
  const [, go] = useLocation();
  const isOver = transfer !== undefined && transfer !== null && transfer.status !== "running";
  return (
    <div className={styles.body}>
      <h2>Import</h2>
      {transfer ? <Progress transfer={transfer} /> : <p>Beginning…</p>}
      <footer>
        {isOver && transfer.status !== "completed" && <Button onClick={onBack}>Try another</Button>}
        <Button onClick={onClose}>{isOver ? "Close" : "Go on in the background"}</Button>
        <Button look="primary" onClick={() => (onClose(), go(`/p/${projectId}`))}>
          Open the project
        </Button>
      </footer>
    </div>
  );
}
