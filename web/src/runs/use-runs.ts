// The list of runs under some filters, with its counts: read once, and again when the channel says that one has changed.
import { useLive } from "../data/live.ts";
import { useLoaded } from "../data/loaded.ts";
import type { List } from "./pages.ts";
import { APART_MS, usePages } from "./use-pages.ts";
import type { Counts, Run } from "./wire.ts";

export const RUNS: List<Run> = { name: "runs", idOf: ({ runId }) => runId, atOf: ({ createdAt }) => createdAt };

export function useRuns(query: string) {
  const { rows: runs, problem, ...pages } = usePages(RUNS, query);
  const counts = useLoaded<Counts>(`/runs/counts?${withoutStatus(query)}`, APART_MS);
  const again = () => (pages.again(), counts.again());
  const isLive = useLive("/runs/realtime", ({ topic }) => {
    if (topic === "open" || topic === "run") again();
  });
  return { ...pages, runs, problem: problem ?? counts.problem, counts: counts.value, again, isLive };
}

function withoutStatus(query: string): string {
  const asked = new URLSearchParams(query);
  asked.delete("status");
  return asked.toString();
}
