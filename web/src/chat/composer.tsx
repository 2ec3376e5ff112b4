// Where a person writes: Enter sends, `@` names a file, images are pasted, dropped or chosen. While an answer is being written,
// they choose what a message does to it.
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, type ReactNode, type RefObject, use, useState } from "react";
import { useApi } from "../data/api.ts";
import { PlacesContext } from "../prose/prose.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { FileButton } from "../ui/file-button.tsx";
import { bestOf } from "../ui/fuzzy.ts";
import { Icon } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import { Chips, toSend, useAttached } from "./attachments.tsx";
import styles from "./composer.module.css";
import { type Mention, mentionAt, withoutMention } from "./mention.ts";
import { Policies, type WhenBusy } from "./policies.tsx";

/** What is sent, beside where it goes. */
export interface Draft {
  readonly message: string;
  readonly whenBusy: WhenBusy | undefined;
  readonly attachments: readonly object[];
}

interface ComposerProps {
  projectId: string;
  input: RefObject<HTMLTextAreaElement | null>;
  isBusy: boolean;
  onSend: (draft: Draft) => Promise<void>;
  onStop: () => void;
  children?: ReactNode; // what holds for the conversation
}

export function Composer({ projectId, input, isBusy, onSend, onStop, children }: ComposerProps) {
  const { features } = useApi();
  const [policy, setPolicy] = useState<WhenBusy>("steer");
  const { text, setText, files, canSend, send } = useDraft(projectId, async (draft) => {
    await onSend({ ...draft, whenBusy: isBusy ? policy : undefined });
    input.current?.focus();
  });
  const mention = useMention(text, (before, path) => {
    setText(withoutMention(text, before));
    files.addFile(path);
  });
  function onKey(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (mention.onKey(event)) return event.preventDefault();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  }
  function onGiven(event: ClipboardEvent | DragEvent, given: DataTransfer) {
    if (files.addImages(given.files)) event.preventDefault();
  }
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => (event.preventDefault(), void send())}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => onGiven(event, event.dataTransfer)}
    >
      {features["models"] === false && <p>No model is configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY and start Polaris again.</p>}
      {mention.list}
      <Chips attached={files.attached} onRemove={files.remove} />
      <textarea
        ref={input}
        rows={2}
        aria-label="Message to the agent"
        placeholder={isBusy ? "Say something to the answer that is being written" : "What is to be done? @ names a file"}
        maxLength={100_000}
        value={text}
        onChange={(event) => (setText(event.target.value), mention.look(event.target))}
        onSelect={(event) => mention.look(event.currentTarget)}
        onKeyDown={onKey}
        onPaste={(event) => onGiven(event, event.clipboardData)}
      />
      <footer>
        <ImageButton onChosen={files.addImages} />
        <Policies chosen={policy} isBusy={isBusy} onChoose={setPolicy} />
        {isBusy && (
          <Button onClick={onStop} title="Stop (Esc)">
            <Icon name="stop" /> <span>Stop</span>
          </Button>
        )}
        <IconButton className={styles.send} type="submit" icon="send" label="Send (Enter)" disabled={!canSend} />
      </footer>
      {children}
    </form>
  );
}

/** What is being written, until it is sent; what could not be sent stays. */
function useDraft(projectId: string, onSend: (draft: Pick<Draft, "message" | "attachments">) => Promise<void>) {
  const say = useNotices();
  const files = useAttached(projectId);
  const [text, setText] = useState("");
  const [isSending, setSending] = useState(false);
  const canSend = text.trim() !== "" && !isSending && !files.isUploading;
  async function send() {
    if (!canSend) return;
    setSending(true);
    try {
      await onSend({ message: text, attachments: toSend(files.attached) });
      setText("");
      files.clear();
    } catch (error) {
      say(wordsOf(error));
    } finally {
      setSending(false);
    }
  }
  return { text, setText, files, canSend, send };
}

function ImageButton({ onChosen }: { onChosen: (files: readonly File[]) => void }) {
  return (
    <FileButton icon="plus" label="Attach images" chooser="Images to attach" accept="image/png,image/jpeg,image/webp" onChosen={onChosen} />
  );
}

/** The files that fit what stands after an `@`, to choose from. */
function useMention(text: string, onChosen: (mention: Mention, path: string) => void) {
  const places = use(PlacesContext);
  const [mention, setMention] = useState<Mention | null>(null);
  const [chosen, setChosen] = useState(0);
  const isThere = mention !== null && text.slice(mention.from).startsWith(`@${mention.typed}`);
  const found = isThere ? bestOf(mention.typed, places?.all() ?? [], (path) => path, 6) : [];
  function choose(path: string | undefined) {
    if (mention === null || path === undefined) return;
    onChosen(mention, path);
    setMention(null);
  }
  return {
    look(area: HTMLTextAreaElement) {
      const now = mentionAt(area.value, area.selectionStart);
      if (now?.typed !== mention?.typed) setChosen(0);
      setMention(now);
    },
    /** Whether the key was for the list. */
    onKey({ key }: KeyboardEvent): boolean {
      if (found.length === 0) return false;
      if (key === "ArrowDown" || key === "ArrowUp") setChosen((chosen + (key === "ArrowDown" ? 1 : -1) + found.length) % found.length);
      else if (key === "Enter" || key === "Tab") choose(found[chosen]);
      else if (key === "Escape") setMention(null);
      else return false;
      return true;
    },
    list: found.length > 0 && (
      <ul className={styles.mention} role="listbox" aria-label="Files">
        {found.map((path, at) => (
          <li key={path} role="option" aria-selected={at === chosen} onPointerDown={(event) => (event.preventDefault(), choose(path))}>
            {path}
          </li>
        ))}
      </ul>
    ),
  };
}
