// A dialog of the browser's own: it holds the focus, Esc closes it, and the focus goes back to where it was.
import { type ReactNode, type SubmitEvent, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { Button } from "./button.tsx";
import styles from "./dialog.module.css";
import { wordsOf } from "./problems.ts";

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
  return createPortal(
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
    </dialog>,
    document.body,
  );
}

interface FormProps {
  title: string;
  action: string;
  canSubmit?: boolean;
  isDanger?: boolean;
  onClose: () => void;
  onSubmit: () => Promise<unknown>;
  children?: ReactNode;
}

/** What is asked in a dialog. What goes wrong is said there; `onSubmit` closes it, or shows something else. */
export function Form({ title, action, canSubmit = true, isDanger = false, onClose, onSubmit, children }: FormProps) {
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await onSubmit();
    } catch (error) {
      setProblem(wordsOf(error));
    } finally {
      setBusy(false);
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)} className={styles.form}>
      <h2>{title}</h2>
      {children}
      {problem !== "" && <p role="alert">{problem}</p>}
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look={isDanger ? "danger" : "primary"} disabled={isBusy || !canSubmit}>
          {action}
        </Button>
      </footer>
    </form>
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

/** Asks for one text, or whether it is meant. */
export function Ask({ title, text, action, isDanger = false, field, onClose, onDone }: AskProps) {
  const [value, setValue] = useState(field?.value ?? "");
  async function submit() {
    await onDone(value.trim());
    onClose();
  }
  return (
    <Dialog label={title} onClose={onClose}>
      <Form
        title={title}
        action={action}
        isDanger={isDanger}
        canSubmit={field === undefined || value.trim() !== ""}
        onClose={onClose}
        onSubmit={submit}
      >
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
      </Form>
    </Dialog>
  );
}
