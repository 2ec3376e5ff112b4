// A state as an icon and a word, and an answer that did not come as an error that can be tried again.
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { wordsOf } from "../ui/problems.ts";
import styles from "./shell.module.css";
import type { Status, StepStatus } from "./wire.ts";
import { SIGNS } from "./words.ts";

export function StatusSign({ status }: { status: Status | StepStatus }) {
  const { icon, word, tone } = SIGNS[status];
  return (
    <span className={styles.sign} data-tone={tone}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

export function Problem({ problem, again }: { problem: unknown; again: () => void }) {
  return (
    <div role="alert" className={styles.problem}>
      <Icon name="warn" />
      <span>{wordsOf(problem)}</span>
      <Button onClick={again}>Try again</Button>
    </div>
  );
}

export function LiveSign({ isLive }: { isLive: boolean }) {
  return (
    <span className={styles.live} role="status">
      {isLive ? "Live" : "Connecting…"}
    </span>
  );
}
