// What a realtime channel says, for as long as somebody looks: each connection has a token of its own.
import { useEffect, useRef, useState } from "react";
import { ApiProblem, useApi } from "./api.ts";

export interface Said {
  readonly topic: string; // or `open`: what was said before is lost, so look again
  readonly data: Readonly<Record<string, unknown>>;
}

const TOPICS = ["step", "turn", "condensed", "state", "run", "event", "job"];
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Follows the channel that `path` gives a token for, and comes back after a break. Says whether it is connected. */
export function useLive(path: string, onSaid: (said: Said) => void): boolean {
  const api = useApi();
  const [isLive, setLive] = useState(false);
  const latest = useRef(onSaid);
  latest.current = onSaid;
  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let [isOver, waitMs] = [false, FIRST_WAIT_MS];
    async function connect() {
      const given = await api.call<{ token: string }>("POST", path).catch((problem: unknown) => ({ problem }));
      if (isOver) return;
      if ("problem" in given) return isGone(given.problem) ? undefined : later();
      source = new EventSource(`/api/realtime?token=${encodeURIComponent(given.token)}`);
      source.onopen = () => {
        waitMs = FIRST_WAIT_MS;
        setLive(true);
        latest.current({ topic: "open", data: {} });
      };
      source.onerror = later;
      for (const topic of TOPICS) {
        source.addEventListener(topic, ({ data }) => latest.current({ topic, data: JSON.parse(data as string) as Said["data"] }));
      }
    }
    function later() {
      source?.close(); // its token is used up: the browser's own attempts would be refused
      setLive(false);
      timer = setTimeout(() => void connect(), waitMs);
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
    }
    void connect();
    return () => {
      isOver = true;
      source?.close();
      clearTimeout(timer);
    };
  }, [api, path]);
  return isLive;
}

/** There is no such channel, or it is somebody else's: asking again does not help. */
function isGone(problem: unknown): boolean {
  return problem instanceof ApiProblem && (problem.status === 403 || problem.status === 404);
}
