// One open file: its text, what is typed into it, and what others write meanwhile.
import { useQuery } from "convex/react";
import { lazy, Suspense, use, useEffect, useReducer, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { ApiProblem, filePath, useApi } from "../data/api.ts";
import { wordsOf } from "../ui/problems.ts";
import { saveAs } from "../ui/save.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { afterEvent, type Buffer, type BufferEvent, bufferOf, isDirty, type Stored } from "./buffer.ts";
import styles from "./files.module.css";
import { nameOf, targetOf } from "./tree.ts";
import { useAids } from "./use-aids.tsx";

const Editor = lazy(() => import("../editor/editor.tsx"));
const Compare = lazy(() => import("../editor/compare.tsx"));

interface FileViewProps {
  projectId: Id<"projects">;
  path: string;
  place: { line: number } | undefined;
  isShown: boolean;
  onDirty: (path: string, isDirty: boolean) => void;
}

export function FileView(props: FileViewProps) {
  const { projectId, path, isShown } = props;
  const file = useQuery(api.files.byPath, { projectId, path });
  const [last, setLast] = useState<Stored | null>(null);
  const text = file?.content;
  const sha256 = file?.sha256;
  if (text !== undefined && sha256 !== undefined && last?.sha256 !== sha256) setLast({ text, sha256 });
  let body = <p className={styles.notice}>Loading {path}…</p>;
  if (file === null && last === null) body = <p className={styles.notice}>{path} is not there any more.</p>;
  else if (file?.storageId !== undefined)
    body = (
      <p className={styles.notice}>
        {path} is no text, or too long for an editor ({sizeOf(file.size)}). <Download projectId={projectId} path={path} />
      </p>
    );
  else if (file?.mode === "symlink") body = <LinkView path={path} target={targetOf(path, file.content ?? "")} />;
  else if (last !== null) body = <TextView {...props} stored={last} isGone={file === null} />;
  return (
    <div className={styles.view} hidden={!isShown}>
      {body}
    </div>
  );
}

/** A link is shown and not edited: saving it would put a file in its place. */
function LinkView({ path, target }: { path: string; target: string }) {
  const places = use(PlacesContext);
  return (
    <p className={styles.notice}>
      {path} is a symbolic link to {target}.{" "}
      {places?.has(target) && <Button onClick={() => places.open(target, undefined)}>Open {nameOf(target)}</Button>}
    </p>
  );
}

function TextView({ projectId, path, place, stored, isGone, onDirty }: FileViewProps & { stored: Stored; isGone: boolean }) {
  const [buffer, tell] = useReducer<Buffer, [BufferEvent]>(afterEvent, bufferOf(stored));
  const [isComparing, setComparing] = useState(false);
  const hasChanges = isDirty(buffer);
  const aids = useAids(projectId, path, buffer.draft, (text) => tell({ type: "typed", text }));
  const save = useSave(projectId, path, buffer, tell, aids.beforeSave);
  useEffect(() => tell({ type: "stored", stored }), [stored]);
  useEffect(() => onDirty(path, hasChanges), [path, hasChanges, onDirty]);
  useWarning(hasChanges);
  const { theirs } = buffer;
  function decide(text: string) {
    tell({ type: "decided", text });
    setComparing(false);
  }
  return (
    <>
      {isGone && <p className={styles.warning}>This file was deleted. Saving writes it again.</p>}
      {theirs !== null && !isComparing && (
        <div className={styles.warning} role="alert">
          <span>This file has changed since you began to edit it. Nothing of yours is lost.</span>
          <Button onClick={() => setComparing(true)}>Compare</Button>
          <Button onClick={() => tell({ type: "tookTheirs" })}>Take theirs</Button>
          <Button onClick={() => decide(buffer.draft)}>Keep mine</Button>
        </div>
      )}
      <Suspense fallback={<p className={styles.notice}>Loading the editor…</p>}>
        {isComparing && theirs !== null ? (
          <Compare path={path} mine={buffer.draft} theirs={theirs.text} onDone={decide} onClose={() => setComparing(false)} />
        ) : (
          <Editor
            path={path}
            text={buffer.draft}
            place={place}
            extra={aids.extra}
            onChange={(text) => tell({ type: "typed", text })}
            onSave={() => void save(isGone)}
            onRewrite={aids.onRewrite}
          />
        )}
        {aids.dialogs}
      </Suspense>
      <footer className={styles.status}>
        <span>{path}</span>
        {aids.signs.problems}
        <span>{buffer.saving !== null ? "Saving…" : hasChanges ? "Not saved" : "Saved"}</span>
        {aids.signs.suggestions}
        <Download projectId={projectId} path={path} />
        <Button look="quiet" disabled={!hasChanges || buffer.saving !== null || theirs !== null} onClick={() => void save(isGone)}>
          Save (Ctrl+S)
        </Button>
      </footer>
    </>
  );
}

/** Before somebody leaves the page with what is not saved. */
function useWarning(hasChanges: boolean) {
  useEffect(() => {
    if (!hasChanges) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [hasChanges]);
}

function Download({ projectId, path }: { projectId: string; path: string }) {
  const http = useApi();
  const say = useNotices();
  function download() {
    http.bytes(filePath(projectId, path)).then(
      (bytes) => saveAs(bytes, nameOf(path)),
      (error: unknown) => say(wordsOf(error)),
    );
  }
  return (
    <Button look="quiet" onClick={download}>
      Download
    </Button>
  );
}

/** Saves the draft, unless somebody has written the file since: then the person is asked. */
function useSave(projectId: string, path: string, buffer: Buffer, tell: (event: BufferEvent) => void, beforeSave: () => void) {
  const http = useApi();
  const say = useNotices();
  return async (isGone: boolean) => {
    if (buffer.theirs !== null) return say("The file has changed meanwhile: compare first, or choose one of both.");
    if ((!isDirty(buffer) && !isGone) || buffer.saving !== null) return;
    tell({ type: "saving" });
    beforeSave();
    try {
      const expected = isGone ? "" : buffer.base.sha256;
      const address = `${filePath(projectId, path)}?expectedSha256=${expected}`;
      const { sha256 } = await http.call<{ sha256: string }>("PUT", address, { content: buffer.draft });
      tell({ type: "saved", stored: { text: buffer.draft, sha256 } });
    } catch (error) {
      tell({ type: "notSaved" }); // of a 409 the live text brings the other version
      if (!(error instanceof ApiProblem && error.status === 409)) say(`${path} is not saved. ${wordsOf(error)}`);
    }
  };
}

function sizeOf(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
