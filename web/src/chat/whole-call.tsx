// All of a call: its diffs, what it printed and gave, or its arguments.
import { useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import type { Card } from "../data/answer.ts";
import type { Call } from "../data/deltas.ts";
import { Diff } from "./diff.tsx";
import styles from "./tool-card.module.css";

interface WholeProps {
  messageId: Id<"messages">;
  card: Card | undefined; // absent while the call is being written
  call: Call;
}

export default function WholeCall({ messageId, card, call }: WholeProps) {
  return card === undefined ? (
    <Text label="Arguments so far" text={call.input} />
  ) : (
    <Carded messageId={messageId} card={card} printed={call.output} />
  );
}

function Carded({ messageId, card, printed }: { messageId: Id<"messages">; card: Card; printed: string }) {
  const which = { messageId, turn: card.turn, toolCallId: card.id };
  const call = useQuery(api.messages.toolCall, which);
  const hasEnded = card.resultChars !== undefined;
  const parts = useQuery(api.messages.resultParts, hasEnded ? which : "skip");
  if (call === undefined || call === null || (hasEnded && parts === undefined)) return <p className={styles.loading}>Loading…</p>;
  const diffs = parts?.filter((part) => part.type === "diff") ?? [];
  return (
    <div className={styles.body}>
      {diffs.map((part) => (
        <Diff key={part.path} {...part} />
      ))}
      {parts?.map((part, at) => (
        <Part key={at} part={part} />
      ))}
      {diffs.length === 0 && <Text label="Arguments" text={prettyJson(call.args)} />}
      <Text label={hasEnded ? "Result" : "Output so far"} text={call.result ?? printed} />
    </div>
  );
}

function Part({ part }: { part: FunctionReturnType<typeof api.messages.resultParts>[number] }) {
  switch (part.type) {
    case "exit":
      return (
        <p className={styles.fact}>
          {part.code === undefined ? "Ended by us" : `Exit code ${part.code}`} after {part.tookS.toFixed(1)} s
        </p>
      );
    case "moreFiles":
      return <p className={styles.fact}>{part.count} more files changed</p>;
    case "diagnostics":
      return (
        <ul className={styles.fact}>
          {part.diagnostics.map((each, at) => (
            <li key={at}>
              {each.severity}: {each.path}:{each.line}:{each.column} {each.message}
            </li>
          ))}
        </ul>
      );
    case "image":
      return "data" in part ? (
        <img className={styles.image} alt="What the tool saw" src={`data:${part.mediaType};base64,${part.data}`} />
      ) : (
        <p className={styles.fact}>An image ({part.mediaType})</p>
      );
    default:
      return null;
  }
}

function Text({ label, text }: { label: string; text: string }) {
  if (text === "") return null;
  return (
    <section className={styles.text}>
      <p>{label}</p>
      <pre tabIndex={0} role="group" aria-label={label}>
        {text}
      </pre>
    </section>
  );
}

function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // a model may write arguments that are no JSON
  }
}
