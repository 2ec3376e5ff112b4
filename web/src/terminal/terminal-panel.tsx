// The terminals of a project, a tab each, and the processes that the agent has started. All go on while another is looked at.
import {
  type CSSProperties,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useEffectEvent,
  useImperativeHandle,
  useRef,
  useState,
} from "react";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Edge, useHeight } from "./edge.tsx";
import { type Frames, useFrames } from "./frames.ts";
import { Processes } from "./processes.tsx";
import { fromKept, keptText, type Open, quoted, type Terminals, withNew, without, withSession } from "./sessions.ts";
import styles from "./terminal.module.css";

/** What the parts around ask of it. */
export interface TerminalHandle {
  focus(): void;
  /** In a new terminal. */
  run(command: string): void;
  /** What the shown one showed last, or what is chosen in it. */
  lines(): Promise<string>;
}

interface PanelProps {
  projectId: string;
  handle: RefObject<TerminalHandle | null>;
  isAsked: boolean; // somebody wants to type now
  wanted: string; // a command to be run at first
  onLeave: () => void;
  onPort: (port: number) => void;
  onTell: (text: string) => void;
  onHide: () => void;
}

const PROCESSES = "processes";
const CLOSING_MS = 2_000; // a frame that does not answer goes all the same
const LINES_MS = 2_000;

export default function TerminalPanel({ projectId, handle, isAsked, wanted, onLeave, onPort, onTell, onHide }: PanelProps) {
  const { open, shown, show, frames, begin, close, lines } = useShells(projectId, { onLeave, onPort });
  const [height, setHeight] = useHeight();
  const isShell = shown !== null && shown !== PROCESSES;
  const focus = () => (isShell ? frames.focus(shown) : undefined);
  useImperativeHandle(handle, () => ({ focus, run: begin, lines }));
  const runWanted = useEffectEvent(() => {
    if (wanted !== "" && isShell) frames.tell(shown, { kind: "type", text: `${wanted}\r` });
  });
  useEffect(() => runWanted(), []);
  useEffect(() => {
    if (isAsked && isShell) frames.focus(shown);
  }, [isAsked, isShell, shown, frames]);
  return (
    <section className={styles.panel} aria-label="Terminal" style={{ "--height": `${height}vh` } as CSSProperties}>
      <Edge height={height} onChange={setHeight} />
      <header>
        <nav className={styles.tabs} aria-label="Terminals">
          <div>
            {open.map(({ key, number }) => (
              <Tab key={key} name={`Terminal ${number}`} isShort={open.length > 2} isShown={key === shown} onShow={() => show(key)}>
                <IconButton icon="close" label={`End terminal ${number}`} onClick={() => close(key)} />
              </Tab>
            ))}
          </div>
          <IconButton icon="plus" label="New terminal" onClick={() => begin()} />
          <Tab name="Processes" isShown={shown === PROCESSES} onShow={() => show(PROCESSES)} />
        </nav>
        {isShell && (
          <Button
            look="quiet"
            className={styles.tell}
            aria-label="Tell the agent"
            title="What it shows goes into the message to the agent"
            onClick={() => void lines().then((text) => onTell(quoted("In the terminal:", text)))}
          >
            <Icon name="chat" /> <span>Tell the agent</span>
          </Button>
        )}
        <IconButton icon="close" label="Hide the terminal (its shells go on)" onClick={onHide} />
      </header>
      {open.map((each) => (
        <Frame key={each.key} terminal={each} isShown={each.key === shown} frames={frames} />
      ))}
      {shown === PROCESSES && <Processes projectId={projectId} onTell={onTell} />}
      {shown === null && (
        <div className={styles.none}>
          <p>No terminal is open.</p>
          <Button onClick={() => begin()}>New terminal</Button>
        </div>
      )}
    </section>
  );
}

/** The terminals, and what can be done with them. */
function useShells(projectId: string, { onLeave, onPort }: Pick<PanelProps, "onLeave" | "onPort">) {
  const [terminals, change] = useTerminals(projectId);
  const { open, shown } = terminals;
  const onLines = useRef<(text: string) => void>(() => undefined);
  const frames = useFrames(projectId, open, (key, said) => {
    if (said.kind === "session") change((now) => withSession(now, key, said.session));
    else if (said.kind === "closed") change((now) => without(now, key));
    else if (said.kind === "lines") onLines.current(said.text);
    else if (said.kind === "port") onPort(said.port);
    else if (said.kind === "leave") onLeave();
  });
  function begin(command = "") {
    const after = withNew(terminals);
    change(() => after);
    if (after.shown !== null && command !== "") frames.tell(after.shown, { kind: "type", text: `${command}\r` });
  }
  function close(key: string) {
    frames.tell(key, { kind: "close" });
    setTimeout(() => change((now) => without(now, key)), CLOSING_MS);
  }
  const lines = async () =>
    await new Promise<string>((done) => {
      if (shown === null || shown === PROCESSES) return done("");
      onLines.current = done;
      frames.tell(shown, { kind: "read" });
      setTimeout(() => done(""), LINES_MS);
    });
  const show = (key: string) => change((now) => ({ ...now, shown: key }));
  return { open, shown, show, frames, begin, close, lines };
}

/** Those of the project, as the tab has kept them; at least one at the beginning. */
function useTerminals(projectId: string): [Terminals, (change: (now: Terminals) => Terminals) => void] {
  const key = `polaris.terminals.${projectId}`;
  const [terminals, setTerminals] = useState(() => {
    const kept = fromKept(sessionStorage.getItem(key));
    return kept.open.length === 0 ? withNew(kept) : kept;
  });
  useEffect(() => sessionStorage.setItem(key, keptText(terminals)), [key, terminals]);
  return [terminals, setTerminals];
}

interface TabProps {
  name: string;
  isShort?: boolean; // only its last word is seen
  isShown: boolean;
  onShow: () => void;
  children?: ReactNode;
}

function Tab({ name, isShort = false, isShown, onShow, children }: TabProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isShown) place.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [isShown]);
  return (
    <div ref={place} className={styles.tab} data-shown={isShown || undefined} data-short={isShort || undefined}>
      <button type="button" aria-label={name} aria-current={isShown} title={name} onClick={onShow}>
        {isShort ? name.split(" ").at(-1) : name}
      </button>
      {children}
    </div>
  );
}

/** Xterm writes styles of its own, which the policy of the page forbids: its page has another one. */
function Frame({ terminal, isShown, frames }: { terminal: Open; isShown: boolean; frames: Frames }) {
  const { key, number } = terminal;
  const place = useCallback((frame: HTMLIFrameElement | null) => frames.place(key, frame), [frames, key]);
  return <iframe ref={place} className={styles.frame} src="/terminal" title={`Terminal ${number}`} hidden={!isShown} />;
}
