// What was typed and is not saved yet: it outlives a failure to save, a change of the part, and the dialog.
import { useState } from "react";

export interface Draft<Value> {
  readonly value: Value;
  readonly base: Value; // what was stored when the draft was begun
  readonly isChanged: boolean;
  readonly change: (value: Value) => void;
  /** Goes back to what is stored; with `saved`, only if nothing else was typed meanwhile. */
  readonly drop: (saved?: Value) => void;
}

interface Kept {
  readonly base: unknown;
  readonly value: unknown;
}

const drafts = new Map<string, Kept>();

export function useDraft<Value>(key: string, stored: Value): Draft<Value> {
  const [, draw] = useState(0);
  const kept = drafts.get(key) as { base: Value; value: Value } | undefined;
  function keep(now: Kept | undefined) {
    if (now === undefined) drafts.delete(key);
    else drafts.set(key, now);
    draw((count) => count + 1);
  }
  const value = kept === undefined ? stored : kept.value;
  const base = kept === undefined ? stored : kept.base;
  return {
    value,
    base,
    isChanged: JSON.stringify(value) !== JSON.stringify(stored),
    change: (next) => keep({ base, value: next }),
    drop: (saved) => {
      if (saved === undefined || drafts.get(key)?.value === saved) keep(undefined);
    },
  };
}
