// The tree of a project's files: only the rows that are seen are in the page, however many there are.
import { type KeyboardEvent, lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { IconButton } from "../ui/button.tsx";
import { FileButton } from "../ui/file-button.tsx";
import { drawnOf } from "../ui/rows.ts";
import { useView } from "../ui/use-view.ts";
import { useDrops, useUpload } from "./file-drops.ts";
import styles from "./file-tree.module.css";
import { afterKey, childrenOf, type Entry, folderOf, type Row, revealed, toggled, type TreeState, visibleRows } from "./tree.ts";

const FileQuestion = lazy(() => import("./file-question.tsx"));
const ROW = 24;

interface TreeProps {
  projectId: string;
  entries: readonly Entry[];
  isWhole: boolean;
  shown: string | null; // the path that the editor shows
  onOpen: (path: string) => void;
}

export type Asked = { what: "file" | "folder" | "rename" | "delete"; path: string };

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
        <Upload projectId={projectId} folder={folder} />
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
      <Rows
        projectId={projectId}
        rows={rows}
        focused={focused?.path ?? rows[0]?.path ?? ""}
        shown={shown}
        onKey={onKey}
        onChoose={choose}
      />
      <Suspense>
        {asked !== null && <FileQuestion projectId={projectId} asked={asked} onClose={() => setAsked(null)} onOpen={onOpen} />}
      </Suspense>
    </section>
  );
}

function Upload({ projectId, folder }: { projectId: string; folder: string }) {
  const upload = useUpload(projectId);
  return <FileButton icon="upload" label="Upload files" chooser="Files to upload" onChosen={(files) => void upload(files, folder)} />;
}

interface RowsProps {
  projectId: string;
  rows: readonly Row[];
  focused: string;
  shown: string | null;
  onKey: (event: KeyboardEvent) => void;
  onChoose: (row: Row) => void;
}

function Rows({ projectId, rows, focused, shown, onKey, onChoose }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const drops = useDrops(projectId);
  const { first, drawn: seen } = drawnOf(rows, ROW, view);
  useEffect(() => {
    const at = rows.findIndex(({ path }) => path === focused) * ROW;
    const outer = scroller.current;
    if (outer === null || at < 0) return;
    if (at < outer.scrollTop) outer.scrollTop = at;
    else if (at + 2 * ROW > outer.scrollTop + outer.clientHeight) outer.scrollTop = at + 2 * ROW - outer.clientHeight;
    // Only a new focus scrolls: files that come and go do not.
  }, [focused]);
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="tree"
      aria-label="Files of the project"
      tabIndex={0}
      aria-activedescendant={focused === "" ? undefined : rowId(focused)}
      onKeyDown={onKey}
      {...drops(null)}
    >
      <div style={{ height: rows.length * ROW }} role="presentation">
        {seen.map((row, at) => (
          <div
            key={row.path}
            id={rowId(row.path)}
            role="treeitem"
            aria-level={row.depth + 1}
            aria-expanded={row.type === "folder" ? row.isOpen : undefined}
            aria-selected={row.path === shown}
            data-type={row.type}
            data-focused={row.path === focused || undefined}
            className={styles.row}
            style={{ transform: `translateY(${(first + at) * ROW}px)`, paddingLeft: 8 + row.depth * 12 }}
            title={row.path}
            onClick={() => onChoose(row)}
            {...drops(row)}
          >
            {row.name}
          </div>
        ))}
      </div>
    </div>
  );
}

/** No name of a file may end the list of ids that it stands in. */
function rowId(path: string): string {
  return `row-${encodeURIComponent(path)}`;
}
