// The open files: a tab each, and the one that is shown. All stay as they are while another is looked at.
import { useCallback, useState } from "react";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { IconButton } from "../ui/button.tsx";
import { Ask } from "../ui/dialog.tsx";
import { FileView } from "./file-view.tsx";
import styles from "./files.module.css";
import { nameOf } from "./tree.ts";

export interface Shown {
  readonly path: string;
  readonly place?: { line: number } | undefined;
}

interface OpenFilesProps {
  projectId: Id<"projects">;
  open: readonly string[];
  shown: Shown | null;
  onShow: (path: string) => void;
  onClose: (path: string) => void;
}

export default function OpenFiles({ projectId, open, shown, onShow, onClose }: OpenFilesProps) {
  const [dirty, setDirty] = useState<ReadonlySet<string>>(new Set());
  const [closing, setClosing] = useState<string | null>(null);
  const onDirty = useCallback((path: string, isDirty: boolean) => {
    setDirty((before) => {
      if (before.has(path) === isDirty) return before;
      const after = new Set(before);
      if (isDirty) after.add(path);
      else after.delete(path);
      return after;
    });
  }, []);
  async function close(path: string) {
    onDirty(path, false);
    onClose(path);
  }
  return (
    <section className={styles.panel} aria-label="Editor">
      <nav className={styles.tabs} aria-label="Open files">
        {open.map((path) => (
          <div key={path} className={styles.tab} data-shown={path === shown?.path || undefined}>
            <button type="button" aria-current={path === shown?.path} title={path} onClick={() => onShow(path)}>
              {nameOf(path)}
              {dirty.has(path) && <span aria-label="not saved"> ●</span>}
            </button>
            <IconButton
              icon="close"
              label={`Close ${nameOf(path)}`}
              onClick={() => (dirty.has(path) ? setClosing(path) : void close(path))}
            />
          </div>
        ))}
      </nav>
      {open.map((path) => {
        const isShown = path === shown?.path;
        return (
          <FileView
            key={path}
            projectId={projectId}
            path={path}
            isShown={isShown}
            place={isShown ? shown.place : undefined}
            onDirty={onDirty}
          />
        );
      })}
      {closing !== null && (
        <Ask
          title={`Close ${nameOf(closing)} without saving?`}
          text="What you have typed since the last save is lost."
          action="Close without saving"
          isDanger
          onClose={() => setClosing(null)}
          onDone={() => close(closing)}
        />
      )}
    </section>
  );
}
