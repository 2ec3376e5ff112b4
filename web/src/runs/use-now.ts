// The time, as often as an open bar has to grow.
import { useEffect, useState } from "react";

const STEP_MS = 250;

/** It stands still where nothing is open. */
export function useNow(isOpen: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isOpen) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), STEP_MS);
    return () => clearInterval(timer);
  }, [isOpen]);
  return now;
}
