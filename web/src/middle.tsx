// The middle of a project's page: the open files, a preview beside them, and the terminal below.
import { lazy, type ReactNode, type RefObject, Suspense, useEffect, useRef, useState } from "react";
import type { Id } from "../../convex/_generated/dataModel.d.ts";
import type { Shown } from "./files/open-files.tsx";
import styles from "./middle.module.css";
import { quoted } from "./terminal/sessions.ts";
import { tellAgent } from "./terminal/tell.ts";
import type { TerminalHandle } from "./terminal/terminal-panel.tsx";
import { Button } from "./ui/button.tsx";
import { useCommands } from "./ui/commands.tsx";
import { useNotices } from "./ui/notices.tsx";
import { isWayThrough, SPOKEN } from "./xterm/wire.ts";

const OpenFiles = lazy(() => import("./files/open-files.tsx"));
const TerminalPanel = lazy(() => import("./terminal/terminal-panel.tsx"));
const Preview = lazy(() => import("./preview/preview.tsx"));

interface MiddleProps {
  projectId: Id<"projects">;
  pane: string; // what a small screen shows
  open: readonly string[];
  shown: Shown | null;
  onPane: (pane: "Chat" | "Terminal" | "Preview" | "Editor") => void;
  onShow: (path: string) => void;
  onClose: (path: string) => void;
}

export default function Middle({ projectId, pane, open, shown, onPane, onShow, onClose }: MiddleProps) {
  const terminal = useRef<TerminalHandle>(null);
  const [listening, setListening] = useState<number | null>(null);
  const { hasTerminal, hasPreview, front, showTerminal, look, hideTerminal, hidePreview } = useParts(projectId, pane, onPane);
  const tell = useTell(() => onPane("Chat"));
  const [isAsked, setAsked] = useState(false); // else it was there when the page was loaded, and takes no focus
  const [goIn, goOut] = useWayIn(terminal, hasTerminal, () => (setAsked(true), showTerminal()));
  const [wanted, setWanted] = useState(""); // to be run once the panel is there
  function run(command: string) {
    goIn();
    if (terminal.current === null) setWanted(command);
    else terminal.current.run(command);
  }
  const place = useRef<HTMLDivElement>(null);
  useCommands(() => [
    { id: "terminal", label: "Terminal (Ctrl+`)", kind: "command", icon: "code", run: goIn },
    { id: "spoken", label: "Terminal for screen readers, or not", kind: "command", icon: "chat", run: changeSpeech },
    { id: "preview", label: "Preview of a server", kind: "command", icon: "spark", run: look },
  ]);
  const preview = (
    <Preview
      projectId={projectId}
      listening={listening}
      onRun={run}
      onTell={async (port) => tell(quoted(`The preview of port ${port} does not work:`, (await terminal.current?.lines()) ?? ""))}
      onHide={hidePreview}
    />
  );
  const panel = { handle: terminal, isAsked, wanted, onLeave: goOut, onPort: setListening, onTell: tell, onHide: hideTerminal };
  return (
    <div className={styles.middle} data-pane={pane} data-front={front}>
      <div className={styles.upper} data-preview={hasPreview || undefined}>
        <div className={styles.editor}>
          {open.length === 0 ? (
            <p className={styles.empty}>Choose a file in the tree.</p>
          ) : (
            <Later what="the editor">
              <OpenFiles projectId={projectId} open={open} shown={shown} onShow={onShow} onClose={onClose} />
            </Later>
          )}
        </div>
        <Kept what="the preview" place={place} className={styles.preview} isShown={hasPreview}>
          {preview}
        </Kept>
      </div>
      <Kept what="the terminal" className={styles.terminal} isShown={hasTerminal}>
        <TerminalPanel projectId={projectId} {...panel} />
      </Kept>
      <footer className={styles.bar}>
        <Button look="quiet" aria-pressed={hasTerminal} title="Terminal (Ctrl+`)" onClick={hasTerminal ? hideTerminal : goIn}>
          Terminal
        </Button>
        <Button look="quiet" aria-pressed={hasPreview} onClick={() => (isSeen(place.current) ? hidePreview() : look())}>
          Preview
        </Button>
      </footer>
    </div>
  );
}

function Later({ what, children }: { what: string; children: ReactNode }) {
  return <Suspense fallback={<p className={styles.empty}>Loading {what}…</p>}>{children}</Suspense>;
}

/** Which parts are shown, and in front where editor and preview have no room beside each other: what was asked for last. */
function useParts(projectId: string, pane: string, onPane: MiddleProps["onPane"]) {
  const [hasTerminal, setTerminal] = useShown(`polaris.terminal.${projectId}`, pane === "Terminal");
  const [hasPreview, setPreview] = useShown(`polaris.preview.${projectId}`, pane === "Preview");
  const [front, setFront] = useState<"Editor" | "Preview">("Preview");
  if ((pane === "Editor" || pane === "Preview") && pane !== front) setFront(pane);
  return {
    hasTerminal,
    hasPreview,
    front,
    showTerminal: () => (setTerminal(true), onPane("Terminal")),
    hideTerminal: () => (setTerminal(false), onPane(hasPreview ? front : "Editor")),
    look: () => (setPreview(true), onPane("Preview")),
    hidePreview: () => (setPreview(false), onPane("Editor")),
  };
}

/** The frames hear of it: they are other documents of this origin. */
function changeSpeech() {
  if (localStorage.getItem(SPOKEN) === null) localStorage.setItem(SPOKEN, "yes");
  else localStorage.removeItem(SPOKEN);
}

/** Where there is little room, an open file stands before the preview. */
function isSeen(element: HTMLElement | null): boolean {
  return element !== null && element.getClientRects().length > 0;
}

interface KeptProps {
  what: string;
  place?: RefObject<HTMLDivElement | null>;
  className: string | undefined;
  isShown: boolean;
  children: ReactNode;
}

/** What goes on while it is hidden, and is not there before it was shown once. */
function Kept({ what, place, className, isShown, children }: KeptProps) {
  const [wasShown, setWasShown] = useState(isShown);
  if (isShown && !wasShown) setWasShown(true);
  return (
    wasShown && (
      <div ref={place} className={className} hidden={!isShown}>
        <Later what={what}>{children}</Later>
      </div>
    )
  );
}

/** Whether a part is shown; kept for the tab. A small screen shows it by its pane. */
function useShown(key: string, isPane: boolean): [boolean, (isShown: boolean) => void] {
  const [isShown, setShown] = useState(() => sessionStorage.getItem(key) !== null);
  if (isPane && !isShown) setShown(true);
  useEffect(() => {
    if (isShown) sessionStorage.setItem(key, "shown");
    else sessionStorage.removeItem(key);
  }, [key, isShown]);
  return [isShown, setShown];
}

/** Puts text into the message that is being written. */
function useTell(onTold: () => void): (text: string) => void {
  const say = useNotices();
  return (text) => {
    onTold();
    if (!tellAgent(text)) say("Choose a conversation, or begin one; then tell the agent.");
  };
}

/** Ctrl+` leads into the terminal, and back to where the focus was. */
function useWayIn(terminal: RefObject<TerminalHandle | null>, hasTerminal: boolean, onShow: () => void): [() => void, () => void] {
  const before = useRef<Element | null>(null);
  const goIn = () => {
    before.current = document.activeElement;
    onShow();
    if (hasTerminal) terminal.current?.focus(); // else it takes the focus when it is there
  };
  const goOut = () => {
    const place = before.current;
    if (place instanceof HTMLElement && place !== document.body && place.tagName !== "IFRAME") place.focus();
    else document.querySelector<HTMLElement>('[aria-label="Terminals"] button')?.focus();
  };
  const latest = useRef(goIn);
  latest.current = goIn;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!isWayThrough(event)) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return [goIn, goOut];
}
