// A person's draft beside what somebody else has written: each difference is kept or taken back.
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { Button } from "../ui/button.tsx";
import styles from "./editor.module.css";
import { languageOf } from "./languages.ts";
import { setup } from "./setup.ts";

interface CompareProps {
  path: string;
  mine: string;
  theirs: string;
  words?: string; // what the colours mean
  onDone: (text: string) => void;
  onClose: () => void;
}

const MERGED = "Green is yours, red is theirs. “Reject” takes theirs for one difference.";

export default function Compare({ path, mine, theirs, words = MERGED, onDone, onClose }: CompareProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  useEffect(() => {
    let isGone = false;
    void languageOf(path).then((language) => {
      if (isGone || host.current === null) return;
      view.current = new EditorView({
        parent: host.current,
        state: EditorState.create({
          doc: mine,
          extensions: [
            setup(),
            language,
            EditorView.contentAttributes.of({ "aria-label": `Differences in ${path}` }),
            unifiedMergeView({ original: theirs }),
          ],
        }),
      });
    });
    return () => {
      isGone = true;
      view.current?.destroy();
      view.current = null;
    };
  }, [path, mine, theirs]);
  return (
    <div className={styles.compare}>
      <div ref={host} />
      <footer>
        <span>{words}</span>
        <Button onClick={onClose}>Back</Button>
        <Button look="primary" onClick={() => onDone(view.current?.state.doc.toString() ?? mine)}>
          Use this text
        </Button>
      </footer>
    </div>
  );
}
