// Where a person writes: Enter sends. While an answer is being written, they choose what a message does to it.
import { type KeyboardEvent, type RefObject, useState } from "react";
import { useApi } from "../data/api.ts";
import { wordsOf } from "../data/problems.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNotices } from "../ui/notices.tsx";
import styles from "./composer.module.css";

type WhenBusy = "steer" | "queue" | "interrupt";

const POLICIES: readonly { value: WhenBusy; label: string; means: string }[] = [
  { value: "steer", label: "Steer", means: "The answer that is being written takes it into account" },
  { value: "queue", label: "Queue", means: "It is answered after the answer that is being written" },
  { value: "interrupt", label: "Interrupt", means: "The answer that is being written stops, and this is answered" },
];

interface ComposerProps {
  input: RefObject<HTMLTextAreaElement | null>;
  isBusy: boolean;
  onSend: (text: string, whenBusy: WhenBusy | undefined) => Promise<void>;
  onStop: () => void;
}

export function Composer({ input, isBusy, onSend, onStop }: ComposerProps) {
  const { features } = useApi();
  const say = useNotices();
  const [text, setText] = useState("");
  const [policy, setPolicy] = useState<WhenBusy>("steer");
  const [isSending, setSending] = useState(false);
  const canSend = text.trim() !== "" && !isSending;
  async function send() {
    if (!canSend) return;
    setSending(true);
    try {
      await onSend(text, isBusy ? policy : undefined);
      setText("");
    } catch (error) {
      say(wordsOf(error)); // what was typed stays
    } finally {
      setSending(false);
      input.current?.focus();
    }
  }
  function onKey(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  }
  return (
    <form className={styles.composer} onSubmit={(event) => (event.preventDefault(), void send())}>
      {features["models"] === false && <p>No model is configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY and start Polaris again.</p>}
      <textarea
        ref={input}
        rows={2}
        aria-label="Message to the agent"
        placeholder={isBusy ? "Say something to the answer that is being written" : "What is to be done?"}
        maxLength={100_000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKey}
      />
      <footer>
        <Policies chosen={policy} isBusy={isBusy} onChoose={setPolicy} />
        {isBusy && (
          <Button onClick={onStop} title="Stop (Esc)">
            <Icon name="stop" /> Stop
          </Button>
        )}
        <IconButton className={styles.send} type="submit" icon="send" label="Send (Enter)" disabled={!canSend} />
      </footer>
    </form>
  );
}

interface PoliciesProps {
  chosen: WhenBusy;
  isBusy: boolean;
  onChoose: (policy: WhenBusy) => void;
}

/** It keeps its place while nothing is being written, so that nothing moves when an answer begins. */
function Policies({ chosen, isBusy, onChoose }: PoliciesProps) {
  return (
    <div
      className={styles.policies}
      role="radiogroup"
      aria-label="What the message does to the running answer"
      data-shown={isBusy || undefined}
    >
      {POLICIES.map(({ value, label, means }) => (
        <label key={value} title={means}>
          <input type="radio" name="policy" value={value} checked={chosen === value} disabled={!isBusy} onChange={() => onChoose(value)} />
          {label}
        </label>
      ))}
    </div>
  );
}
