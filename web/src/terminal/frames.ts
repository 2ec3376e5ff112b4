// The frames of terminals: each is started with the token, which stands in no address, and told what a person wants of it.
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useApi } from "../data/api.ts";
import type { FromFrame, ToFrame } from "../xterm/wire.ts";
import type { Open } from "./sessions.ts";

export interface Frames {
  /** Where a frame of this key stands; null once it is gone. */
  place(key: string, frame: HTMLIFrameElement | null): void;
  tell(key: string, message: ToFrame): void;
  focus(key: string): void;
}

/** `onSaid` is told of what the frames say, beside that they are ready: those are started. */
export function useFrames(projectId: string, open: readonly Open[], onSaid: (key: string, said: FromFrame) => void): Frames {
  const http = useApi();
  const frames = useRef(new Map<string, HTMLIFrameElement>());
  const waiting = useRef(new Map<string, readonly ToFrame[] | null>()); // what is for a frame once it is ready; null: it is
  const latest = useRef({ open, onSaid });
  latest.current = { open, onSaid };
  const post = useCallback((key: string, message: ToFrame) => {
    frames.current.get(key)?.contentWindow?.postMessage(message, location.origin);
  }, []);
  useEffect(() => {
    function start(key: string) {
      const session = latest.current.open.find((each) => each.key === key)?.session ?? null;
      post(key, { kind: "start", token: http.token, projectId, session });
      for (const message of waiting.current.get(key) ?? []) post(key, message);
      waiting.current.set(key, null);
    }
    function onMessage({ origin, source, data }: MessageEvent<FromFrame>) {
      if (origin !== location.origin) return;
      const key = [...frames.current].find(([, frame]) => frame.contentWindow === source)?.[0];
      if (key === undefined) return;
      if (data.kind === "ready") start(key);
      else latest.current.onSaid(key, data);
    }
    addEventListener("message", onMessage);
    return () => removeEventListener("message", onMessage);
  }, [post, http, projectId]);
  const place = useCallback((key: string, frame: HTMLIFrameElement | null) => {
    if (frame === null) waiting.current.delete(key);
    if (frame === null) frames.current.delete(key);
    else frames.current.set(key, frame);
  }, []);
  const tell = useCallback(
    (key: string, message: ToFrame) => {
      const before = waiting.current.get(key);
      if (before === null) post(key, message);
      else waiting.current.set(key, [...(before ?? []), message]);
    },
    [post],
  );
  const focus = useCallback(
    (key: string) => {
      frames.current.get(key)?.contentWindow?.focus();
      tell(key, { kind: "focus" });
    },
    [tell],
  );
  return useMemo(() => ({ place, tell, focus }), [place, tell, focus]);
}
