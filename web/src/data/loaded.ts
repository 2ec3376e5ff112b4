// An answer of the HTTP API that is read again when something has changed, and never replaced by an older one.
import { useCallback, useEffect, useRef, useState } from "react";
import { useApi } from "./api.ts";

export interface Loaded<Answer> {
  readonly value?: Answer;
  readonly problem?: unknown; // of the newest request; the value before it stays
  readonly again: () => void;
}

const APART_MS = 500; // messages come in bursts: one request answers for all of them

/** What `path` answers. Another path begins anew; `again` reads it once more, at most every `apartMs`. */
export function useLoaded<Answer>(path: string, apartMs = APART_MS): Loaded<Answer> {
  const api = useApi();
  const [state, setState] = useState<{ path: string; value?: Answer; problem?: unknown }>({ path });
  const load = useCallback(
    async (isCurrent: () => boolean) => {
      try {
        const value = await api.call<Answer>("GET", path);
        if (isCurrent()) setState({ path, value });
      } catch (problem) {
        if (isCurrent()) setState((before) => (before.path === path ? { ...before, problem } : { path, problem }));
      }
    },
    [api, path],
  );
  const again = useThrottled(load, apartMs);
  return state.path === path ? { ...state, again } : { again };
}

type Task = (isCurrent: () => boolean) => Promise<void>;

/** Does the task at once and whenever it is asked for; one at a time, the last request is always answered. */
export function useThrottled(task: Task, apartMs: number): () => void {
  const ask = useRef<() => void>(() => undefined);
  useEffect(() => {
    let [isAlive, isBusy, isAsked] = [true, false, false];
    async function work() {
      isBusy = true;
      while (isAlive && isAsked) {
        isAsked = false;
        await task(() => isAlive);
        await new Promise((done) => setTimeout(done, apartMs));
      }
      isBusy = false;
    }
    ask.current = () => {
      isAsked = true;
      if (!isBusy) void work();
    };
    ask.current();
    return () => {
      isAlive = false;
    };
  }, [task, apartMs]);
  return useCallback(() => ask.current(), []);
}
