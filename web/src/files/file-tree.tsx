// The tree of a project's files: only the rows that are seen are in the page, however many there are.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { filePath, useApi } from "../data/api.ts";
import { IconButton } from "../ui/button.tsx";
import { Ask } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import styles from "./file-tree.module.css";
import { afterKey, childrenOf, type Entry, folderOf, nameOf, type Row, revealed, toggled, type TreeState, visibleRows } from "./tree.ts";

const ROW = 24;

interface TreeProps {
  projectId: string;
  entries: readonly Entry[];
  isWhole: boolean;
  shown: string | null; // the path that the editor shows
  onOpen: (path: string) => void;
}

type Asked = { what: "file" | "folder" | "rename" | "delete"; path: string };

export function FileTree({ projectId, entries, isWhole, shown, onOpen }: TreeProps) {
  const [state, setState] = useState<TreeState>({ focused: "", open: new Set() });
  const [asked, setAsked] = useState<Asked | null>(null);
  const children = useMemo(() => childrenOf(entries), [entries]);
  const rows = useMemo(() => visibleRows(children, state.open), [children, state.open]);
  useEffect(() => {
    if (shown !== null) setState((before) => revealed(before, shown));
  }, [shown]);
  const focused = rows.find(({ path }) => path === state.focused);
  const folder = focused === undefined ? "" : focused.type === "folder" ? focused.path : folderOf(focused.path);
  function choose(row: Row) {
    if (row.type === "file") onOpen(row.path);
    setState((before) => (row.type === "folder" ? toggled(before, row.path) : { ...before, focused: row.path }));
  }
  function onKey(event: KeyboardEvent) {
    if (focused !== undefined && event.key === "Enter") choose(focused);
    else if (focused !== undefined && event.key === "F2") setAsked({ what: "rename", path: focused.path });
    else if (focused !== undefined && event.key === "Delete") setAsked({ what: "delete", path: focused.path });
    else {
      const next = event.ctrlKey || event.metaKey || event.altKey ? null : afterKey(state, rows, event.key);
      if (next === null) return;
      setState(next);
    }
    event.preventDefault();
  }
  return (
    <section className={styles.panel} aria-label="Files">
      <header>
        <h2>Files</h2>
        <IconButton icon="file" label="New file" onClick={() => setAsked({ what: "file", path: folder })} />
        <IconButton icon="folder" label="New folder" onClick={() => setAsked({ what: "folder", path: folder })} />
        <IconButton
          icon="pencil"
          label="Rename or move (F2)"
          disabled={!focused}
          onClick={() => setAsked({ what: "rename", path: state.focused })}
        />
        <IconButton
          icon="trash"
          label="Delete (Del)"
          disabled={!focused}
          onClick={() => setAsked({ what: "delete", path: state.focused })}
        />
      </header>
      {rows.length === 0 && <p className={styles.empty}>{isWhole ? "No files yet. Make one, or ask the agent." : "Loading…"}</p>}
      <Rows rows={rows} focused={focused?.path ?? rows[0]?.path ?? ""} shown={shown} onKey={onKey} onChoose={choose} />
      {asked !== null && <FileQuestion projectId={projectId} asked={asked} onClose={() => setAsked(null)} onOpen={onOpen} />}
    </section>
  );
}

interface RowsProps {
  rows: readonly Row[];
  focused: string;
  shown: string | null;
  onKey: (event: KeyboardEvent) => void;
  onChoose: (row: Row) => void;
}

function Rows({ rows, focused, shown, onKey, onChoose }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 8 });
  useEffect(() => {
    const at = rows.findIndex(({ path }) => path === focused);
    if (at >= 0) virtual.scrollToIndex(at);
    // Only a new focus scrolls: files that come and go do not.
  }, [focused]);
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="tree"
      aria-label="Files of the project"
      tabIndex={0}
      aria-activedescendant={focused === "" ? undefined : `row-${focused}`}
      onKeyDown={onKey}
    >
      <div style={{ height: virtual.getTotalSize() }} role="presentation">
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <div
              key={row.path}
              id={`row-${row.path}`}
              role="treeitem"
              aria-level={row.depth + 1}
              aria-expanded={row.type === "folder" ? row.isOpen : undefined}
              aria-selected={row.path === shown}
              data-focused={row.path === focused || undefined}
              className={styles.row}
              style={{ transform: `translateY(${start}px)`, paddingLeft: 8 + row.depth * 12 }}
              title={row.path}
              onClick={() => onChoose(row)}
            >
              {row.type === "folder" ? <Icon name="chevron" className={row.isOpen ? styles.open : undefined} /> : <Icon name="file" />}
              <span>{row.name}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface QuestionProps {
  projectId: string;
  asked: Asked;
  onClose: () => void;
  onOpen: (path: string) => void;
}

function FileQuestion({ projectId, asked: { what, path }, onClose, onOpen }: QuestionProps) {
  const api = useApi();
  const files = `/projects/${projectId}/files`;
  if (what === "delete") {
    const remove = () => api.call("DELETE", filePath(projectId, path));
    return (
      <Ask
        title={`Delete ${nameOf(path)}?`}
        text={`${path}, with all that is in it.`}
        action="Delete"
        isDanger
        onClose={onClose}
        onDone={remove}
      />
    );
  }
  if (what === "rename") {
    const move = (newPath: string) => api.call("POST", `${files}/rename`, { path, newPath });
    return <Ask title="Rename or move" field={{ label: "New path", value: path }} action="Move" onClose={onClose} onDone={move} />;
  }
  async function make(made: string) {
    await api.call("POST", files, { type: what, path: made });
    if (what === "file") onOpen(made);
  }
  const value = path === "" ? "" : `${path}/`;
  return <Ask title={`New ${what}`} field={{ label: `Path of the ${what}`, value }} action="Create" onClose={onClose} onDone={make} />;
}
