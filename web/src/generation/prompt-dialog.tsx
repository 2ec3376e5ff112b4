// A new project from a sentence: all of it at once in eight steps that end with evidence, or a chat that begins with the sentence.
import { useState } from "react";
import { useLocation } from "wouter";
import { useApi } from "../data/api.ts";
import { Dialog, Form } from "../ui/dialog.tsx";

const STACKS: readonly [value: string, label: string][] = [
  ["react-vite", "React with Vite"],
  ["next", "Next.js"],
  ["fastapi", "Python service (FastAPI)"],
  ["typescript-library", "TypeScript library"],
  ["python-package", "Python package"],
];
const LEAST = 10; // characters of a description that says something

interface Begun {
  projectId: string;
  conversationId: string;
}

export default function PromptDialog({ onClose }: { onClose: () => void }) {
  const http = useApi();
  const [, go] = useLocation();
  const [text, setText] = useState("");
  const [isWhole, setWhole] = useState(true);
  const [stack, setStack] = useState("react-vite");
  const canGenerate = http.features["generate"] !== false;
  const isGenerated = isWhole && canGenerate;
  async function start() {
    const { projectId, conversationId } = isGenerated
      ? await http.call<Begun>("POST", "/projects/generate", { description: text.trim(), stack })
      : await http.call<Begun>("POST", "/projects/create-with-prompt", { prompt: text.trim() });
    onClose();
    go(`/p/${projectId}/c/${conversationId}`);
  }
  return (
    <Dialog label="A project from a prompt" onClose={onClose} isWide>
      <Form
        title="A project from a prompt"
        action={isGenerated ? "Generate" : "Begin"}
        canSubmit={text.trim().length >= (isGenerated ? LEAST : 1)}
        onClose={onClose}
        onSubmit={start}
      >
        <label>
          What is it to be?
          <textarea
            autoFocus
            maxLength={100_000}
            placeholder="A shop for second-hand bicycles with a cart and an admin page"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <fieldset>
          <legend>Make</legend>
          <label>
            <input type="radio" name="how" checked={isGenerated} disabled={!canGenerate} onChange={() => setWhole(true)} />
            all of it, checked at the end
          </label>
          <label>
            <input type="radio" name="how" checked={!isGenerated} onChange={() => setWhole(false)} />a start, in a chat
          </label>
        </fieldset>
        {isGenerated && (
          <label>
            With
            <select value={stack} onChange={(event) => setStack(event.target.value)}>
              {STACKS.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        )}
      </Form>
    </Dialog>
  );
}
