// What a message does to the answer that is being written.
import styles from "./composer.module.css";

export type WhenBusy = "steer" | "queue" | "interrupt";

const POLICIES: readonly { value: WhenBusy; label: string; means: string }[] = [
  { value: "steer", label: "Steer", means: "The answer that is being written takes it into account" },
  { value: "queue", label: "Queue", means: "It is answered after the answer that is being written" },
  { value: "interrupt", label: "Interrupt", means: "The answer that is being written stops, and this is answered" },
];

interface PoliciesProps {
  chosen: WhenBusy;
  isBusy: boolean;
  onChoose: (policy: WhenBusy) => void;
}

/** It keeps its place while nothing is being written, so that nothing moves when an answer begins. */
export function Policies({ chosen, isBusy, onChoose }: PoliciesProps) {
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
