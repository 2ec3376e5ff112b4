// A selection that is rewritten as a person says: the proposal is compared with what stands there, and taken or left.
import { lazy, Suspense, useState } from "react";
import { useApi } from "../data/api.ts";
import { Dialog, Form } from "../ui/dialog.tsx";
import styles from "./rewrite-dialog.module.css";

const Compare = lazy(() => import("../editor/compare.tsx"));
const LONGEST = 1_000_000; // characters of a file that go along

interface RewriteProps {
  projectId: string;
  path: string;
  selected: string;
  whole: string;
  onDone: (text: string) => void;
  onClose: () => void;
}

export default function RewriteDialog({ projectId, path, selected, whole, onDone, onClose }: RewriteProps) {
  const http = useApi();
  const [instruction, setInstruction] = useState("");
  const [proposed, setProposed] = useState<string | null>(null);
  async function propose() {
    const body = { projectId, selectedCode: selected, fullCode: whole.length > LONGEST ? "" : whole, instruction };
    setProposed((await http.call<{ editedCode: string }>("POST", "/quick-edit", body)).editedCode);
  }
  if (proposed === null)
    return (
      <Dialog label="Rewrite the selection" onClose={onClose} isWide>
        <Form title="Rewrite the selection" action="Propose" canSubmit={instruction.trim() !== ""} onClose={onClose} onSubmit={propose}>
          <pre className={styles.selected} tabIndex={0} aria-label="The selection">
            {selected}
          </pre>
          <input
            autoFocus
            aria-label="What is to become of it?"
            placeholder="What is to become of it? An address of documentation is read along."
            maxLength={10_000}
            value={instruction}
            onChange={(event) => setInstruction(event.target.value)}
          />
        </Form>
      </Dialog>
    );
  return (
    <Dialog label="The proposal" onClose={onClose} isWide>
      <div className={styles.proposal} style={{ height: heightOf(selected, proposed) }}>
        <Suspense>
          <Compare
            path={path}
            mine={proposed}
            theirs={selected}
            words="Green is new, red goes. “Reject” leaves one difference as it was."
            onDone={onDone}
            onClose={() => setProposed(null)}
          />
        </Suspense>
      </div>
    </Dialog>
  );
}

/** Of the comparison with what is below it, while it is short. */
function heightOf(...texts: string[]): string {
  const lines = texts.reduce((sum, text) => sum + text.split("\n").length, 0);
  return `min(64vh, ${120 + lines * 20}px)`;
}
