// The agent's plan, as it has ticked it off so far.
import { useQuery } from "convex/react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import styles from "./chat.module.css";

const SIGNS = { pending: "○", in_progress: "◐", completed: "●" } as const;
const WORDS = { pending: "to do", in_progress: "being done", completed: "done" } as const;

export function Plan({ conversationId }: { conversationId: Id<"conversations"> }) {
  const plan = useQuery(api.todos.get, { conversationId });
  if (!plan || plan.items.length === 0) return null;
  const done = plan.items.filter(({ status }) => status === "completed").length;
  const now = plan.items.find(({ status }) => status === "in_progress")?.text ?? "";
  return (
    <details className={styles.plan}>
      <summary>
        Plan {done}/{plan.items.length} <span>{now}</span>
      </summary>
      <ul>
        {plan.items.map(({ text, status }, at) => (
          <li key={at}>
            <span aria-label={WORDS[status]}>{SIGNS[status]}</span> {text}
          </li>
        ))}
      </ul>
    </details>
  );
}
