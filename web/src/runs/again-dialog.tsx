// Running a run again, from its start or from a step, with its event or with other data; it leads to the new run.
import { useState } from "react";
import { useLocation } from "wouter";
import { useApi } from "../data/api.ts";
import { Dialog, Form } from "../ui/dialog.tsx";
import { objectOf } from "./json-text.ts";
import { pathOf, type RunDetail } from "./wire.ts";

interface AgainProps {
  run: RunDetail;
  fromStep?: string;
  onClose: () => void;
}

export function AgainDialog({ run, fromStep, onClose }: AgainProps) {
  const api = useApi();
  const [, go] = useLocation();
  const given = run.event === undefined || run.event.isCut ? "" : JSON.stringify(run.event.data, null, 2);
  const [typed, setTyped] = useState(given);
  async function start() {
    const data = typed.trim() === "" || typed === given ? undefined : objectOf(typed);
    const { runId } = await api.call<{ runId: string }>("POST", `${pathOf(run.runId)}/rerun`, { fromStep, data });
    onClose();
    go(pathOf(runId));
  }
  const from = fromStep === undefined ? "from its start" : `from ${fromStep}`;
  return (
    <Dialog label="Run again" onClose={onClose} isWide>
      <Form title={`Run ${run.jobId} again, ${from}`} action="Run again" onClose={onClose} onSubmit={start}>
        <p>A new run of this version of the code. What is changed below is the data of an event that only this run gets.</p>
        <label>
          Data of the event
          <textarea spellCheck={false} value={typed} onChange={(event) => setTyped(event.target.value)} />
        </label>
      </Form>
    </Dialog>
  );
}
