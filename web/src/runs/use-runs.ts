// The list of runs under some filters, with its counts: read once, and again when the channel says that one has changed.
import { useCallback, useState } from "react";
import { useApi } from "../data/api.ts";
import { useLive } from "../data/live.ts";
import { useLoaded, useThrottled } from "../data/loaded.ts";
import { type Known, withNewest, withOlder } from "./pages.ts";
import type { Counts, RunPage } from "./wire.ts";

const PAGE = 100;
const APART_MS = 1_000;

interface State {
  readonly query: string;
  readonly known?: Known;
  readonly problem?: unknown;
}

export function useRuns(query: string) {
  const api = useApi();
  const [state, setState] = useState<State>({ query });
  const counts = useLoaded<Counts>(`/runs/counts?${withoutStatus(query)}`, APART_MS);
  const read = useCallback(
    (cursor?: string) => {
      const from = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      return api.call<RunPage>("GET", `/runs?${query}&limit=${PAGE}${from}`);
    },
    [api, query],
  );
  const update = useCallback(
    (change: (known: Known) => Known) =>
      setState((before) => ({ query, known: change((before.query === query && before.known) || { runs: [] }) })),
    [query],
  );
  const fail = useCallback(
    (problem: unknown) => setState((before) => (before.query === query ? { ...before, problem } : { query, problem })),
    [query],
  );
  const newest = useCallback(
    async (isCurrent: () => boolean) => {
      try {
        const page = await read();
        if (isCurrent()) update((known) => withNewest(page, known));
      } catch (problem) {
        if (isCurrent()) fail(problem);
      }
    },
    [read, update, fail],
  );
  const lookAgain = useThrottled(newest, APART_MS);
  const again = () => (lookAgain(), counts.again());
  const isLive = useLive("/runs/realtime", ({ topic }) => {
    if (topic === "open" || topic === "run") again();
  });
  const { known, problem }: State = state.query === query ? state : { query };
  const older = () => void read(known?.next).then((page) => update((before) => withOlder(page, before)), fail);
  return {
    runs: known?.runs,
    isWhole: known?.next === undefined,
    problem: problem ?? counts.problem,
    counts: counts.value,
    again,
    older,
    isLive,
  };
}

function withoutStatus(query: string): string {
  const asked = new URLSearchParams(query);
  asked.delete("status");
  return asked.toString();
}
