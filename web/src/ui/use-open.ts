// Whether something is folded out; it still is when it was out of sight meanwhile.
import { useState } from "react";

const open = new Set<string>();

export function useOpen(key: string): [boolean, (isOpen: boolean) => void] {
  const [isOpen, setOpen] = useState(() => open.has(key));
  function change(now: boolean) {
    if (now) open.add(key);
    else open.delete(key);
    setOpen(now);
  }
  return [isOpen, change];
}
