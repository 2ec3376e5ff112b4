// Suggestions of a model while somebody types: on until a person turns them off, silent where there is no model.
import type { Extension } from "@codemirror/state";
import { useMemo, useState } from "react";
import { useApi } from "../data/api.ts";
import { type AtCursor, suggestions } from "../editor/suggestion.ts";

const KEY = "polaris.suggestions";
const OFF = "off";

interface Suggesting {
  readonly extension: Extension;
  readonly isOn: boolean;
  readonly turn: ((isOn: boolean) => void) | null; // null: there is no model
}

export function useSuggestions(projectId: string, path: string): Suggesting {
  const http = useApi();
  const [isOn, setOn] = useState(() => localStorage.getItem(KEY) !== OFF);
  const hasModel = http.features["models"] === true;
  const extension = useMemo<Extension>(() => {
    if (!hasModel || !isOn) return [];
    return suggestions(async (at, signal) => {
      const body = { projectId, fileName: path, ...linesOf(at) };
      return (await http.call<{ suggestion: string }>("POST", "/suggestion", body, signal)).suggestion;
    });
  }, [http, projectId, path, hasModel, isOn]);
  function turn(now: boolean) {
    if (now) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, OFF);
    setOn(now);
  }
  return { extension, isOn, turn: hasModel ? turn : null };
}

/** The text around the cursor, in the lines of which the API speaks. */
export function linesOf({ before, after }: AtCursor) {
  const start = before.lastIndexOf("\n");
  const end = after.indexOf("\n");
  return {
    code: before + after || "\n",
    previousLines: start < 0 ? "" : before.slice(0, start),
    textBeforeCursor: before.slice(start + 1),
    textAfterCursor: end < 0 ? after : after.slice(0, end),
    nextLines: end < 0 ? "" : after.slice(end + 1),
  };
}
