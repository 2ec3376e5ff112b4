// What the page and the frame of a terminal say to each other, by `postMessage` within this origin.

/** Is in the browser's store where terminals are to be said aloud. */
export const SPOKEN = "polaris.terminal-spoken";

/** Is in the tab's store where the page keeps its token (`data/session.ts`, which the frame does not load); changes when it is renewed. */
export const TOKEN = "polaris.token";

export type ToFrame =
  | { readonly kind: "start"; readonly token: string; readonly projectId: string; readonly session: string | null }
  | { readonly kind: "type"; readonly text: string } // once the shell is there
  | { readonly kind: "focus" }
  | { readonly kind: "read" } // answered by `lines`
  | { readonly kind: "close" }; // ends the shell; answered by `closed`

export type FromFrame =
  | { readonly kind: "ready" } // to be started
  | { readonly kind: "session"; readonly session: string | null } // what to start with after a reload
  | { readonly kind: "lines"; readonly text: string } // what is chosen in it, or what it showed last
  | { readonly kind: "port"; readonly port: number } // of a server that has said where it listens
  | { readonly kind: "leave" } // the key that leads out was pressed
  | { readonly kind: "closed" };

/** Ctrl+`, which leads into the terminal and out of it. */
export function isWayThrough({ key, code, ctrlKey, altKey }: KeyboardEvent): boolean {
  return ctrlKey && !altKey && (key === "`" || code === "Backquote");
}
