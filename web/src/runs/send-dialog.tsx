// Sending an event: its name, and its data as JSON that begins with what its model has; it leads to the event's page.
import { useState } from "react";
import { useLocation } from "wouter";
import { useApi } from "../data/api.ts";
import { useLoaded } from "../data/loaded.ts";
import { Dialog, Form } from "../ui/dialog.tsx";
import { eventPathOf } from "./events-wire.ts";
import { objectOf } from "./json-text.ts";
import { type Job, namesOf, schemaOf } from "./jobs-wire.ts";
import { exampleOf, problemsOf, type Schema } from "./schema.ts";

interface SendProps {
  name?: string;
  data?: unknown;
  onClose: () => void;
}

const SHOWN = 6; // things that do not fit

export function SendDialog({ name: givenName = "", data: given, onClose }: SendProps) {
  const api = useApi();
  const [, go] = useLocation();
  const jobs = useLoaded<{ jobs: readonly Job[] }>("/jobs").value?.jobs ?? [];
  const [name, setName] = useState(givenName);
  const schema = schemaOf(jobs, name);
  const [typed, setTyped] = useState(given === undefined ? undefined : textOf(given));
  const text = typed ?? textOf(schema === undefined ? {} : exampleOf(schema));
  async function send() {
    const body = { name: name.trim(), data: objectOf(text) };
    const { eventId } = await api.call<{ eventId: string }>("POST", "/events", body);
    onClose();
    go(eventPathOf(eventId));
  }
  return (
    <Dialog label="Send an event" onClose={onClose} isWide>
      <Form title="Send an event" action="Send" canSubmit={name.trim() !== ""} onClose={onClose} onSubmit={send}>
        <p>It is sent as yours, and starts, wakes and cancels what it would if the product had sent it.</p>
        <label>
          Name
          <input list="names-of-events" maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <datalist id="names-of-events">
          {namesOf(jobs).map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <label>
          Data
          <textarea spellCheck={false} value={text} onChange={(event) => setTyped(event.target.value)} />
        </label>
        <Fit schema={schema} text={text} />
      </Form>
    </Dialog>
  );
}

/** What the model of the event would say; the server has the last word. */
function Fit({ schema, text }: { schema: Schema | undefined; text: string }) {
  if (schema === undefined) return <p role="status">No job says what the data of this event is: any object is taken.</p>;
  const problems = problemsIn(schema, text);
  if (problems.length === 0) return <p role="status">It fits its model.</p>;
  return (
    <div role="status">
      {problems.slice(0, SHOWN).map((problem) => (
        <p key={problem}>{problem}</p>
      ))}
      {problems.length > SHOWN && <p>And {problems.length - SHOWN} more.</p>}
    </div>
  );
}

function problemsIn(schema: Schema, text: string): readonly string[] {
  try {
    return problemsOf(schema, objectOf(text));
  } catch (error) {
    return [error instanceof Error ? error.message : "This is no JSON."];
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
