// What part of a scroller is seen, live.
import { type RefObject, useLayoutEffect, useState } from "react";

export interface View {
  readonly top: number;
  readonly height: number;
}

const STEP = 40; // pixels: less scrolling than this draws nothing anew; lists draw more than is seen anyway

/** `onScroll` is told of every move, before anything is drawn. */
export function useView(scroller: RefObject<HTMLElement | null>, onScroll?: (outer: HTMLElement) => void): View {
  const [view, setView] = useState<View>({ top: 0, height: 0 });
  useLayoutEffect(() => {
    const outer = scroller.current;
    if (outer === null) return;
    const look = () => {
      onScroll?.(outer);
      const now = { top: outer.scrollTop, height: outer.clientHeight };
      setView((before) => (before.height === now.height && Math.abs(before.top - now.top) < STEP ? before : now));
    };
    const observer = new ResizeObserver(look);
    observer.observe(outer);
    outer.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      outer.removeEventListener("scroll", look);
    };
  }, [scroller, onScroll]);
  return view;
}
