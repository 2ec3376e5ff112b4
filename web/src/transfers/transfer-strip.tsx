// Above a project's page: a transfer that is under way.
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { Progress, useLatestTransfer } from "./progress.tsx";
import styles from "./transfers.module.css";

export default function TransferStrip({ projectId }: { projectId: Id<"projects"> }) {
  const transfer = useLatestTransfer(projectId);
  if (!transfer || transfer.status !== "running") return null;
  return (
    <div className={styles.strip}>
      <Progress transfer={transfer} />
    </div>
  );
}
