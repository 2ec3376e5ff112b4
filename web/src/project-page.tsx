// One project: its files, the open ones, and the chat with the agent; on a small screen one of them at a time.
import { useMutation, useQuery } from "convex/react";
import { useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { api } from "../../convex/_generated/api.js";
import type { Id } from "../../convex/_generated/dataModel.d.ts";
import { Chat } from "./chat/chat.tsx";
import { wordsOf } from "./data/problems.ts";
import { FileTree } from "./files/file-tree.tsx";
import { OpenFiles, type Shown } from "./files/open-files.tsx";
import { useEntries } from "./files/use-entries.ts";
import styles from "./project-page.module.css";
import { type Places, PlacesContext } from "./prose/prose.tsx";
import { Button } from "./ui/button.tsx";
import { useNotices } from "./ui/notices.tsx";

const PANES = ["Chat", "Files", "Editor"] as const;

export function ProjectPage({ project, conversation }: { project: string; conversation?: string | undefined }) {
  const projectId = project as Id<"projects">;
  const { name } = useQuery(api.projects.getById, { id: projectId }) ?? {};
  const { entries, isWhole } = useEntries(projectId);
  const [open, setOpen] = useState<readonly string[]>([]);
  const [shown, setShown] = useState<Shown | null>(null);
  const [pane, setPane] = useState<(typeof PANES)[number]>("Chat");
  const paths = useMemo(() => new Set(entries.filter(({ type }) => type === "file").map(({ path }) => path)), [entries]);
  const places = useMemo<Places>(() => ({ has: (path) => paths.has(path), open: show }), [paths]);
  function show(path: string, line?: number) {
    setOpen((before) => (before.includes(path) ? before : [...before, path]));
    setShown({ path, place: line === undefined ? undefined : { line } });
    setPane("Editor");
  }
  function close(path: string) {
    const rest = open.filter((each) => each !== path);
    const last = rest.at(-1);
    setOpen(rest);
    if (shown?.path === path) setShown(last === undefined ? null : { path: last });
  }
  return (
    <PlacesContext value={places}>
      <div className={styles.page} data-pane={pane}>
        <header>
          <Link href="/">Projects</Link>
          <h1>{name ?? "…"}</h1>
          <Conversations projectId={projectId} chosen={conversation} />
        </header>
        <div className={styles.panes}>
          <div className={styles.files}>
            <FileTree projectId={projectId} entries={entries} isWhole={isWhole} shown={shown?.path ?? null} onOpen={show} />
          </div>
          <div className={styles.editor}>
            <OpenFiles projectId={projectId} open={open} shown={shown} onShow={show} onClose={close} empty="Choose a file in the tree." />
          </div>
          <div className={styles.chat}>
            {conversation === undefined ? (
              <NewConversation projectId={projectId} />
            ) : (
              <Chat key={conversation} conversationId={conversation as Id<"conversations">} />
            )}
          </div>
        </div>
        <nav aria-label="Parts of the page">
          {PANES.map((each) => (
            <button key={each} type="button" aria-pressed={pane === each} onClick={() => setPane(each)}>
              {each}
            </button>
          ))}
        </nav>
      </div>
    </PlacesContext>
  );
}

function useNewConversation(projectId: Id<"projects">): () => void {
  const create = useMutation(api.conversations.create);
  const [, go] = useLocation();
  const say = useNotices();
  return () => {
    create({ projectId, title: "New conversation" }).then(
      (id) => go(`/p/${projectId}/c/${id}`),
      (error: unknown) => say(wordsOf(error)),
    );
  };
}

function NewConversation({ projectId }: { projectId: Id<"projects"> }) {
  const begin = useNewConversation(projectId);
  return (
    <div className={styles.begin}>
      <p>Choose a conversation, or begin one.</p>
      <Button look="primary" onClick={begin}>
        New conversation
      </Button>
    </div>
  );
}

function Conversations({ projectId, chosen }: { projectId: Id<"projects">; chosen: string | undefined }) {
  const conversations = useQuery(api.conversations.getByProject, { projectId }) ?? [];
  const begin = useNewConversation(projectId);
  const [, go] = useLocation();
  return (
    <>
      <select
        aria-label="Conversation"
        value={chosen ?? ""}
        onChange={(event) => go(`/p/${projectId}${event.target.value === "" ? "" : `/c/${event.target.value}`}`)}
      >
        <option value="">Conversations</option>
        {conversations.map(({ _id, title }) => (
          <option key={_id} value={_id}>
            {title}
          </option>
        ))}
      </select>
      <Button onClick={begin}>New</Button>
    </>
  );
}
