// A dialog of the browser's own: it holds the focus, Esc closes it, and the focus goes back to where it was.
import { type ReactNode, type SubmitEvent, useEffect, useRef, useState } from "react";
import { Button } from "./button.tsx";
import styles from "./dialog.module.css";

interface DialogProps {
  label: string;
  onClose: () => void;
  children: ReactNode;
  isWide?: boolean;
}

export function Dialog({ label, onClose, children, isWide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-label={label}
      className={`${styles.dialog} ${isWide ? styles.wide : ""}`}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
      onPointerDown={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div className={styles.inside}>{children}</div>
    </dialog>
  );
}

interface AskProps {
  title: string;
  text?: ReactNode;
  action: string;
  isDanger?: boolean;
  field?: { label: string; value: string };
  onClose: () => void;
  onDone: (value: string) => Promise<unknown>;
}

/** Asks for one text, or whether it is meant. What goes wrong is said in the dialog, which stays open. */
export function Ask({ title, text, action, isDanger = false, field, onClose, onDone }: AskProps) {
  const [value, setValue] = useState(field?.value ?? "");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await onDone(value.trim());
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  }
  return (
    <Dialog label={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <h2>{title}</h2>
        {text !== undefined && <p>{text}</p>}
        {field !== undefined && (
          <input
            autoFocus
            aria-label={field.label}
            placeholder={field.label}
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
        {problem !== "" && <p role="alert">{problem}</p>}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={isDanger ? "danger" : "primary"} disabled={isBusy || (field !== undefined && value.trim() === "")}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
