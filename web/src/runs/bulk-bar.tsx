// Above the list of runs: which of them are chosen, and what can be done with those, or with all that match the filters.
import { lazy, Suspense, useState } from "react";
import { useApi } from "../data/api.ts";
import { Button } from "../ui/button.tsx";
import type { Task } from "./bulk-dialog.tsx";
import styles from "./bulk.module.css";
import { fitting, matching, type Verb } from "./bulk.ts";
import type { FiltersHere } from "./filters.tsx";
import type { Counts, Run } from "./wire.ts";

const BulkDialog = lazy(() => import("./bulk-dialog.tsx"));

interface BarProps {
  runs: readonly Run[];
  chosen: readonly Run[];
  onChoose: (runs: readonly Run[]) => void;
  filters: FiltersHere;
  counts: Counts | undefined;
  again: () => void;
}

export function BulkBar({ runs, chosen, onChoose, filters, counts, again }: BarProps) {
  const [task, setTask] = useState<Task | null>(null);
  const isOperator = useApi().features["operator"] === true;
  const verbs: readonly Verb[] = isOperator ? ["cancel", "replay"] : ["cancel"];
  const isAll = chosen.length === runs.length && runs.length > 0;
  const offered = chosen.length > 0 ? verbs.map((verb) => taskOf(verb, chosen)) : matchingTasks(verbs, runs, filters, counts);
  return (
    <div className={styles.bar} role="group" aria-label="With several runs">
      <label>
        <input type="checkbox" checked={isAll} disabled={runs.length === 0} onChange={() => onChoose(isAll ? [] : runs)} />
        {chosen.length === 0 ? "Choose all shown" : `${chosen.length} chosen`}
      </label>
      <span>{chosen.length === 0 && offered.length > 0 && "All that match:"}</span>
      {offered.map((each) => (
        <Button key={each.verb} disabled={each.count === 0} onClick={() => setTask(each)}>
          {each.verb === "cancel" ? "Cancel" : "Replay"} {each.count}
          {each.isAtLeast && "+"}…
        </Button>
      ))}
      {task !== null && (
        <Suspense>
          <BulkDialog
            task={task}
            onClose={() => setTask(null)}
            onDone={() => {
              onChoose([]);
              again();
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

function taskOf(verb: Verb, chosen: readonly Run[]): Task {
  const runIds = fitting(verb, chosen).map(({ runId }) => runId);
  return { verb, count: runIds.length, isAtLeast: false, which: { runIds } };
}

/** Of what there is now: what comes while somebody makes up their mind is not meant. Without filters everything would match. */
function matchingTasks(verbs: readonly Verb[], runs: readonly Run[], filters: FiltersHere, counts: Counts | undefined): readonly Task[] {
  const newest = runs[0];
  if (filters.query === "" || counts === undefined || newest === undefined) return [];
  const query = `${filters.query}&until=${newest.createdAt + 1}`;
  return verbs.map((verb) => ({ verb, count: matching(verb, counts, filters.statuses), isAtLeast: counts.isSample, which: { query } }));
}
