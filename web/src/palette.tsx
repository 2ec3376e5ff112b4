// Everything that can be opened or done, found by a few letters of it; the search in the files; and the keys of the page.
import { useQuery } from "convex/react";
import { type KeyboardEvent, lazy, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { api } from "../../convex/_generated/api.js";
import styles from "./palette.module.css";
import { type Command, useCommandsHere } from "./ui/commands.tsx";
import { Dialog } from "./ui/dialog.tsx";
import { bestOf } from "./ui/fuzzy.ts";
import { Icon } from "./ui/icon.tsx";

const SHOWN = 50;

const SearchDialog = lazy(() => import("./files/search-dialog.tsx"));

export default function Overlay() {
  const { shown, show, sources } = useCommandsHere();
  const [, project] = /^\/p\/([^/]+)/.exec(useLocation()[0]) ?? [];
  const close = () => show(null);
  if (shown === "help") return <Help onClose={close} />;
  if (shown !== "search" || project === undefined) return <Palette onClose={close} />;
  function open(path: string, line: number) {
    const files = [...sources].flatMap((source) => source());
    files.find(({ kind, id }) => kind === "file" && id === path)?.run(line);
  }
  return <SearchDialog projectId={project} onOpen={open} onClose={close} />;
}

function useEverything(): readonly Command[] {
  const { sources, show } = useCommandsHere();
  const projects = useQuery(api.projects.get);
  const [, go] = useLocation();
  return useMemo(() => {
    const open = projects?.map(({ _id, name }): Command => {
      return { id: _id, label: name, kind: "project", icon: "folder", run: () => go(`/p/${_id}`) };
    });
    const always: Command[] = [
      { id: "projects", label: "All projects", kind: "command", icon: "folder", run: () => go("/") },
      { id: "runs", label: "Runs", kind: "command", icon: "clock", run: () => go("/runs") },
      { id: "events", label: "Events", kind: "command", icon: "send", run: () => go("/events") },
      { id: "jobs", label: "Jobs", kind: "command", icon: "tool", run: () => go("/jobs") },
      { id: "metrics", label: "Metrics", kind: "command", icon: "spark", run: () => go("/metrics") },
      { id: "theme", label: "Light or dark", kind: "command", icon: "theme", run: changeTheme },
      { id: "help", label: "Keys", kind: "command", icon: "more", run: () => setTimeout(() => show("help")) },
    ];
    return [...[...sources].flatMap((source) => source()), ...always, ...(open ?? [])];
  }, [projects, sources, go, show]);
}

function changeTheme() {
  const root = document.documentElement;
  const isDark =
    root.dataset["theme"] === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : root.dataset["theme"] === "dark";
  root.dataset["theme"] = isDark ? "light" : "dark";
}

function Palette({ onClose }: { onClose: () => void }) {
  const everything = useEverything();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const found = useMemo(() => bestOf(typed, everything, ({ label }) => label, SHOWN), [typed, everything]);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen, found]);
  function run(command: Command | undefined) {
    if (command === undefined) return;
    onClose();
    command.run();
  }
  function onKey(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setChosen((chosen + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") run(found[chosen]);
    else return;
    event.preventDefault();
  }
  return (
    <Dialog label="Go to or do" onClose={onClose} isWide>
      <input
        autoFocus
        className={styles.input}
        role="combobox"
        aria-expanded
        aria-controls="palette"
        aria-activedescendant={found[chosen] === undefined ? undefined : `palette-${chosen}`}
        aria-label="Find a file, a conversation, a project or a command"
        placeholder="Find a file, a conversation, a project or a command"
        value={typed}
        onChange={(event) => (setTyped(event.target.value), setChosen(0))}
        onKeyDown={onKey}
      />
      <ul ref={list} id="palette" role="listbox" aria-label="What was found" className={styles.list}>
        {found.map((command, at) => (
          <li
            key={command.id}
            id={`palette-${at}`}
            role="option"
            aria-selected={at === chosen}
            onPointerMove={() => setChosen(at)}
            onClick={() => run(command)}
          >
            <Icon name={command.icon} />
            <span>{command.label}</span>
            <small>{command.kind}</small>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className={styles.nothing}>Nothing fits.</p>}
    </Dialog>
  );
}

const KEYS: readonly [keys: string, does: string][] = [
  ["Ctrl+K, Ctrl+P", "Go to a file, a conversation or a project, or do something"],
  ["Ctrl+Shift+F", "Search in the files"],
  ["?", "These keys"],
  ["Enter", "Send a message; Shift+Enter begins a line"],
  ["Esc", "Stop the answer; close what is open"],
  ["Ctrl+`", "Into the terminal, and out of it again"],
  ["Ctrl+S", "Save the file"],
  ["Ctrl+F", "Find in the file"],
  ["F12, Ctrl+click", "Go to where a name is defined"],
  ["Shift+F12", "Where a name is used"],
  ["F2", "Rename it everywhere"],
  ["Ctrl+Space", "What can stand here"],
  ["F8", "To the next problem"],
  ["Ctrl+I", "Have the selection rewritten"],
  ["Tab, Esc", "Take the suggestion in grey, or drop it"],
  ["Ctrl+C, Ctrl+V", "In the terminal: copy what is chosen (else it interrupts), paste"],
  ["↑ ↓ ← → Home End", "Move in the tree, open and close folders"],
  ["Enter, F2, Del", "In the tree: open, rename or move, delete"],
];

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label="Keys" onClose={onClose} isWide>
      <h2 className={styles.title}>Keys</h2>
      <dl className={styles.keys} tabIndex={0} aria-label="Keys and what they do">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
