// One transfer: what it does, how far it is, how it ended and what was left out.
import { useQuery } from "convex/react";
import type { ReactNode } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { useApi } from "../data/api.ts";
import { wordsOf } from "../ui/problems.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import styles from "./transfers.module.css";
import { endWords, KIND_WORDS, partOf, phaseWords, type Transfer } from "./words.ts";

const CANCELS: Readonly<Record<Transfer["kind"], string>> = {
  import: "/github/import/cancel",
  export: "/github/export/cancel",
  pull: "/github/pull/cancel",
  pullRequest: "/github/pull-request/cancel",
};

/** The newest transfer of a project, live; undefined while it is not known, null where there is none. */
export function useLatestTransfer(projectId: Id<"projects"> | undefined): Transfer | null | undefined {
  const latest = useQuery(api.transfers.latest, projectId === undefined ? "skip" : { projectId, limit: 1 });
  return latest === undefined ? undefined : (latest[0] ?? null);
}

export function Progress({ transfer }: { transfer: Transfer }) {
  const http = useApi();
  const say = useNotices();
  const { kind, status, projectId } = transfer;
  function cancel() {
    http.call("POST", CANCELS[kind], { projectId }).catch((error: unknown) => say(wordsOf(error)));
  }
  if (status === "running") {
    return (
      <div className={styles.progress}>
        <p role="status">{phaseWords(transfer)}</p>
        <progress aria-label={`${KIND_WORDS[kind]}: how much is done`} value={partOf(transfer)} />
        <Button onClick={cancel}>
          <Icon name="stop" /> Cancel
        </Button>
      </div>
    );
  }
  return (
    <div className={styles.ended} data-status={status}>
      <p role={status === "failed" ? "alert" : "status"}>
        <Icon name={status === "completed" ? "check" : "warn"} /> {endWords(transfer)}
      </p>
      <Links transfer={transfer} />
      <Report title="left out" lines={transfer.skipped} count={transfer.skippedCount} />
      <Report title="to be looked at" lines={transfer.notes} />
      <Report title="in conflict" lines={transfer.conflicts} count={transfer.conflictsCount} />
    </div>
  );
}

function Links({ transfer: { pullRequest, repoUrl, commit, kind, status } }: { transfer: Transfer }) {
  if (pullRequest !== undefined) return <Out address={pullRequest.url}>Pull request #{pullRequest.number}</Out>;
  if (kind !== "export" || status !== "completed" || repoUrl === undefined) return null;
  return (
    <Out address={repoUrl}>
      {repoUrl.replace(/^https?:\/\//, "")}
      {commit === undefined ? "" : ` at ${commit.slice(0, 7)}`}
    </Out>
  );
}

function Out({ address, children }: { address: string; children: ReactNode }) {
  return (
    <a href={address} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}

interface ReportProps {
  title: string;
  lines: Transfer["skipped"];
  count?: number | undefined;
}

function Report({ title, lines, count }: ReportProps) {
  if (lines === undefined || lines.length === 0) return null;
  const all = count ?? lines.length;
  return (
    <details className={styles.report}>
      <summary>
        {all.toLocaleString()} {all === 1 ? "file" : "files"} {title}
      </summary>
      <ul>
        {lines.map(({ path, reason }) => (
          <li key={path}>
            <code>{path}</code> {reason}
          </li>
        ))}
        {all > lines.length && <li>… and {(all - lines.length).toLocaleString()} more</li>}
      </ul>
    </details>
  );
}
