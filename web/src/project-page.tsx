// One project: its files, the open ones, and the chat with the agent; on a small screen one of them at a time.
import { useMutation, useQuery } from "convex/react";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { api } from "../../convex/_generated/api.js";
import type { Id } from "../../convex/_generated/dataModel.d.ts";
import { Chat } from "./chat/chat.tsx";
import { wordsOf } from "./ui/problems.ts";
import { FileTree } from "./files/file-tree.tsx";
import type { Shown } from "./files/open-files.tsx";
import { useEntries } from "./files/use-entries.ts";
import styles from "./project-page.module.css";
import { type Places, PlacesContext } from "./prose/prose.tsx";
import { Button, IconButton } from "./ui/button.tsx";
import { type Command, useCommands, useCommandsHere } from "./ui/commands.tsx";
import { Menu, type MenuItem } from "./ui/menu.tsx";
import { useNotices } from "./ui/notices.tsx";

const Middle = lazy(() => import("./middle.tsx"));
const ExportDialog = lazy(() => import("./transfers/export-dialog.tsx"));
const SettingsDialog = lazy(() => import("./settings/settings-dialog.tsx"));
const ConversationDialog = lazy(() => import("./chat/conversation-dialog.tsx"));
const TransferStrip = lazy(() => import("./transfers/transfer-strip.tsx"));
const GenerationStrip = lazy(() => import("./generation/generation-strip.tsx"));
const PANES = ["Chat", "Files", "Editor", "Terminal", "Preview"] as const;

export default function ProjectPage({ project, conversation }: { project: string; conversation?: string | undefined }) {
  const projectId = project as Id<"projects">;
  const { name } = useQuery(api.projects.getById, { id: projectId }) ?? {};
  const { entries, isWhole } = useEntries(projectId);
  const [pane, setPane] = useState<(typeof PANES)[number]>("Chat");
  const { open, shown, show, close } = useOpened(() => setPane("Editor"));
  const paths = useMemo(() => new Set(entries.filter(({ type }) => type === "file").map(({ path }) => path)), [entries]);
  const places = useMemo<Places>(() => ({ has: (path) => paths.has(path), all: () => [...paths], open: show }), [paths, show]);
  const palette = useCommandsHere();
  useCommands(() =>
    [...paths].map((path): Command => ({ id: path, label: path, kind: "file", icon: "file", run: (line) => show(path, line) })),
  );
  return (
    <PlacesContext value={places}>
      <div className={styles.page} data-pane={pane}>
        <header>
          <Link href="/">Projects</Link>
          <h1>{name ?? "…"}</h1>
          <Conversations projectId={projectId} chosen={conversation} />
          <IconButton icon="search" label="Go to or do (Ctrl+K)" onClick={() => palette.show("palette")} />
          <More projectId={projectId} conversation={conversation} />
        </header>
        <Underway projectId={projectId} />
        <main className={styles.panes}>
          <div className={styles.files}>
            <FileTree projectId={projectId} entries={entries} isWhole={isWhole} shown={shown?.path ?? null} onOpen={show} />
          </div>
          <div className={styles.editor}>
            <Suspense>
              <Middle projectId={projectId} pane={pane} open={open} shown={shown} onPane={setPane} onShow={show} onClose={close} />
            </Suspense>
          </div>
          <div className={styles.chat}>
            {conversation === undefined ? (
              <NewConversation projectId={projectId} />
            ) : (
              <Chat key={conversation} projectId={projectId} conversationId={conversation as Id<"conversations">} />
            )}
          </div>
        </main>
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

/** The files that are open, in the order in which they were, and the one that is shown. */
function useOpened(onShown: () => void) {
  const [open, setOpen] = useState<readonly string[]>([]);
  const [shown, setShown] = useState<Shown | null>(null);
  const latest = useRef(onShown);
  latest.current = onShown;
  const show = useCallback((path: string, line?: number) => {
    setOpen((before) => (before.includes(path) ? before : [...before, path]));
    setShown({ path, place: line === undefined ? undefined : { line } });
    latest.current();
  }, []);
  function close(path: string) {
    const rest = open.filter((each) => each !== path);
    const last = rest.at(-1);
    setOpen(rest);
    if (shown?.path === path) setShown(last === undefined ? null : { path: last });
  }
  return { open, shown, show, close };
}

/** What is being done to the whole project, if anything is. */
function Underway({ projectId }: { projectId: Id<"projects"> }) {
  const project = useQuery(api.projects.getById, { id: projectId });
  const generation = useQuery(api.projects.getGeneration, { projectId });
  const isMoving = project?.importStatus === "importing" || project?.exportStatus === "exporting";
  return (
    <Suspense>
      {isMoving && <TransferStrip projectId={projectId} />}
      {generation && <GenerationStrip projectId={projectId} />}
    </Suspense>
  );
}

/** What is done to the conversation or to all of the project, in a menu and in the palette. */
function More({ projectId, conversation }: { projectId: Id<"projects">; conversation: string | undefined }) {
  const [shown, setShown] = useState<"export" | "settings" | "rename" | "delete" | null>(null);
  const [, go] = useLocation();
  const palette = useCommandsHere();
  const ofConversation: MenuItem[] = [
    { label: "Rename the conversation", icon: "pencil", run: () => setShown("rename") },
    { label: "Delete the conversation", icon: "trash", run: () => setShown("delete") },
  ];
  const items: MenuItem[] = [
    ...(conversation === undefined ? [] : ofConversation),
    { label: "Search in the files", icon: "search", run: () => palette.show("search") },
    { label: "Export, pull or download", icon: "share", run: () => setShown("export") },
    { label: "Settings of the project", icon: "tool", run: () => setShown("settings") },
  ];
  const close = () => setShown(null);
  useCommands(() => items.map((item): Command => ({ ...item, id: item.label, kind: "command" })));
  return (
    <>
      <Menu label="More" items={[...items, { label: "Keys (?)", icon: "code", run: () => palette.show("help") }]} />
      <Suspense>
        {shown === "export" && <ExportDialog projectId={projectId} onClose={close} />}
        {shown === "settings" && <SettingsDialog projectId={projectId} onClose={close} />}
        {(shown === "rename" || shown === "delete") && conversation !== undefined && (
          <ConversationDialog id={conversation as Id<"conversations">} what={shown} onGone={() => go(`/p/${projectId}`)} onClose={close} />
        )}
      </Suspense>
    </>
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
  useCommands(() => [
    { id: "begin", label: "New conversation", kind: "command", icon: "plus", run: begin },
    ...conversations.map(({ _id, title }): Command => {
      return { id: _id, label: title, kind: "conversation", icon: "chat", run: () => go(`/p/${projectId}/c/${_id}`) };
    }),
  ]);
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
      <IconButton icon="plus" label="Begin a conversation" onClick={begin} />
    </>
  );
}
