// A part of the settings that is saved by itself; what goes wrong is said there, and what was typed stays.
import { type ReactNode, type SubmitEvent, useState } from "react";
import { Button } from "../ui/button.tsx";
import dialog from "../ui/dialog.module.css";
import { wordsOf } from "../ui/problems.ts";
import type { Draft } from "./drafts.ts";
import styles from "./settings.module.css";

interface SectionProps<Value> {
  title: string;
  draft: Draft<Value>;
  onSave: (value: Value) => Promise<unknown>;
  children: ReactNode;
}

export function Section<Value>({ title, draft, onSave, children }: SectionProps<Value>) {
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isSaved, setSaved] = useState(false);
  async function save(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await onSave(draft.value);
      draft.drop(draft.value);
      setSaved(true);
    } catch (error) {
      setProblem(wordsOf(error));
    } finally {
      setBusy(false);
    }
  }
  function discard() {
    setProblem("");
    draft.drop();
  }
  const words = draft.isChanged ? "Not saved yet" : isSaved ? "Saved" : "";
  return (
    <form aria-label={title} className={`${dialog.form} ${styles.section}`} onSubmit={(event) => void save(event)}>
      <h3>{title}</h3>
      {children}
      {problem !== "" && <p role="alert">{problem}</p>}
      <div className={styles.save}>
        <span role="status">{words}</span>
        {draft.isChanged && (
          <Button look="quiet" disabled={isBusy} onClick={discard}>
            Discard
          </Button>
        )}
        <Button type="submit" look="primary" disabled={isBusy || !draft.isChanged}>
          Save
        </Button>
      </div>
    </form>
  );
}
