// What can be done on the page right now: each part says it while it is there, the palette and the help show it.
import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useState } from "react";
import type { IconName } from "./icon.tsx";

export interface Command {
  readonly id: string;
  readonly label: string;
  readonly kind: string; // in a word, beside it: command, file, project
  readonly icon: IconName;
  readonly run: (line?: number) => void; // of a file: opens it, at a line if wanted
}

export type Overlay = "palette" | "help" | "search" | null;
type Source = () => readonly Command[];

interface Commands {
  readonly sources: Set<Source>;
  readonly shown: Overlay;
  readonly show: (what: Overlay) => void;
}

const CommandsContext = createContext<Commands>({ sources: new Set(), shown: null, show: () => undefined });

export function useCommandsHere(): Commands {
  return use(CommandsContext);
}

/** Offers these while the caller is in the page; they are asked for when somebody looks. */
export function useCommands(source: Source): void {
  const { sources } = use(CommandsContext);
  const latest = useRef(source);
  latest.current = source;
  useEffect(() => {
    const offered = () => latest.current();
    sources.add(offered);
    return () => void sources.delete(offered);
  }, [sources]);
}

/** Ctrl+K and Ctrl+P show the palette, Ctrl+Shift+F the search, `?` the help unless somebody is writing. */
export function CommandsProvider({ children }: { children: ReactNode }) {
  const [shown, show] = useState<Overlay>(null);
  const sources = useMemo(() => new Set<Source>(), []);
  const here = useMemo(() => ({ sources, shown, show }), [sources, shown]);
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      const key = event.key.toLowerCase();
      const isControl = (event.ctrlKey || event.metaKey) && !event.altKey;
      const isPalette = isControl && !event.shiftKey && (key === "k" || key === "p");
      const isSearch = isControl && event.shiftKey && key === "f";
      if (!isPalette && !isSearch && !(event.key === "?" && !isWriting(event.target))) return;
      event.preventDefault();
      event.stopPropagation();
      show(isPalette ? "palette" : isSearch ? "search" : "help");
    }
    addEventListener("keydown", onKey, { capture: true });
    return () => removeEventListener("keydown", onKey, { capture: true });
  }, []);
  return <CommandsContext value={here}>{children}</CommandsContext>;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable=true], dialog") !== null;
}
