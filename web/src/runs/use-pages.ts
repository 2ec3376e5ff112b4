// A list of the API under some filters: its newest page is read again when it is asked to be, older ones when somebody wants them.
import { useCallback, useState } from "react";
import { useApi } from "../data/api.ts";
import { useThrottled } from "../data/loaded.ts";
import { type Known, type List, type Page, withNewest, withOlder } from "./pages.ts";

const PAGE = 100;
export const APART_MS = 1_000;

interface State<Row> {
  readonly query: string;
  readonly known?: Known<Row>;
  readonly problem?: unknown;
}

/** `list` is the same object each time. A problem is that of the newest request; what was known before it stays. */
export function usePages<Row>(list: List<Row>, query: string) {
  const api = useApi();
  const [state, setState] = useState<State<Row>>({ query });
  const read = useCallback(
    async (cursor?: string): Promise<Page<Row>> => {
      const from = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const answer = await api.call<Record<string, unknown>>("GET", `/${list.name}?${query}&limit=${PAGE}${from}`);
      return { rows: answer[list.name] as readonly Row[], nextCursor: answer["nextCursor"] as string | undefined };
    },
    [api, list, query],
  );
  const update = useCallback(
    (change: (known: Known<Row>) => Known<Row>) =>
      setState((before) => ({ query, known: change((before.query === query && before.known) || { rows: [] }) })),
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
        if (isCurrent()) update((known) => withNewest(list, page, known));
      } catch (problem) {
        if (isCurrent()) fail(problem);
      }
    },
    [read, update, fail, list],
  );
  const again = useThrottled(newest, APART_MS);
  const { known, problem }: State<Row> = state.query === query ? state : { query };
  const older = () => void read(known?.next).then((page) => update((before) => withOlder(list, page, before)), fail);
  return { rows: known?.rows, isWhole: known?.next === undefined, problem, again, older };
}
