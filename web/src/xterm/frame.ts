// The frame of a terminal: xterm, which writes styles of its own and so has a page with a policy of its own.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import base from "../ui/base.css?inline";
import { isAnswer } from "./answers.ts";
import { Connection, type State } from "./connection.ts";
import { portIn } from "./ending.ts";
import "./frame.css";
import { followTheme, themeNow } from "./theme.ts";
import { type FromFrame, isWayThrough, SPOKEN, type ToFrame, TOKEN } from "./wire.ts";

const BEHIND_BYTES = 4 * 1024 * 1024; // not yet drawn: more makes the page slow, so it leaves and comes back to the last 256 KiB
const REPLAY_MS = 300; // in which what a shell showed before has come
const TOLD_LINES = 40;
const READ_ROWS = 300; // with the empty ones below the cursor

const tokens = document.createElement("style");
tokens.textContent = base;
document.head.prepend(tokens);

const terminal = new Terminal({
  fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSize: 12.5,
  lineHeight: 1.2,
  scrollback: 5_000,
  minimumContrastRatio: 4.5,
  cursorBlink: false,
  allowProposedApi: false,
});
const fit = new FitAddon();
terminal.loadAddon(fit);

function tell(message: FromFrame): void {
  parent.postMessage(message, location.origin);
}

function show({ words, action }: State): void {
  const bar = document.querySelector<HTMLElement>("#state");
  const [text, button] = [bar?.querySelector("span"), bar?.querySelector("button")];
  if (!bar || !text || !button) return;
  bar.hidden = words === "";
  text.textContent = words;
  button.hidden = action === "";
  button.textContent = action;
}

let connection: Connection | null = null;
let [behind, isBehind, isReplayed] = [0, false, false];

function write(bytes: Uint8Array): void {
  behind += bytes.length;
  if (behind > BEHIND_BYTES) {
    isBehind = true;
    connection?.leave();
  }
  terminal.write(bytes, () => {
    behind -= bytes.length;
    if (behind > 0 || !isBehind) return;
    isBehind = false;
    connection?.connect();
  });
  const port = bytes.length < 4_096 ? portIn(new TextDecoder().decode(bytes)) : null;
  if (port !== null && !isReplayed) tell({ kind: "port", port });
}

/** A program's questions to the terminal are answered once, not again whenever they are shown anew. */
function beginReplay(): void {
  terminal.reset();
  isReplayed = true;
  setTimeout(() => terminal.write("", () => (isReplayed = false)), REPLAY_MS);
}

const PLAIN = "\u001B[?1049l\u001B[?1000;1002;1003;1006;2004l\u001B[!p"; // the modes that a program which has died leaves behind

/** What was shown stays, and is told from what follows. */
function beginAnew(words: string): void {
  const line = terminal.buffer.active.cursorX > 0 ? "\r\n" : "";
  terminal.write(`${PLAIN}${line}\u001B[3m${words}\u001B[0m\r\n`);
}

function start({ token, projectId, session }: Extract<ToFrame, { kind: "start" }>): void {
  if (connection !== null) return;
  connection = new Connection(
    { token, projectId, session },
    {
      size: () => terminal,
      onSession(now, isNew) {
        if (now !== null && !isNew) beginReplay();
        tell({ kind: "session", session: now });
      },
      onFresh: beginAnew,
      onBytes: write,
      onState: show,
    },
  );
  connection.connect();
}

/** What is chosen, or the last lines that say something. */
function linesNow(): string {
  if (terminal.hasSelection()) return terminal.getSelection();
  const { active } = terminal.buffer;
  const lines: string[] = [];
  for (let at = Math.max(0, active.length - READ_ROWS); at < active.length; at += 1) {
    const line = active.getLine(at);
    const text = line?.translateToString(true) ?? "";
    if (line?.isWrapped === true) lines.push((lines.pop() ?? "") + text);
    else lines.push(text);
  }
  return lines.join("\n").trimEnd().split("\n").slice(-TOLD_LINES).join("\n");
}

/** Ctrl+` leads out, wherever in the frame the focus is: it may be a moment ahead of the terminal. */
function leave(event: KeyboardEvent): void {
  if (!isWayThrough(event)) return;
  event.preventDefault();
  event.stopPropagation();
  tell({ kind: "leave" });
}

/** Ctrl+C copies what is chosen, Ctrl+Shift+C always; Ctrl+V pastes. */
function onKey(event: KeyboardEvent): boolean {
  if (event.type !== "keydown" || !event.ctrlKey || event.altKey) return true;
  const key = event.key.toLowerCase();
  if (key === "v") return false; // the browser pastes
  if (key !== "c" || (!event.shiftKey && !terminal.hasSelection())) return true;
  event.preventDefault();
  void navigator.clipboard.writeText(terminal.getSelection()).then(() => terminal.clearSelection());
  return false;
}

function hear(message: ToFrame): void {
  switch (message.kind) {
    case "start":
      return start(message);
    case "type":
      return connection?.send(new TextEncoder().encode(message.text));
    case "focus":
      return terminal.focus();
    case "read":
      return tell({ kind: "lines", text: linesNow() });
    case "close":
      if (connection === null) return tell({ kind: "closed" });
      return connection.close(() => tell({ kind: "closed" }));
  }
}

/** Said aloud where a person wants that; it makes much output slower. The page around keeps the choice for the browser. */
function followSpeech(): void {
  const take = () => (terminal.options.screenReaderMode = localStorage.getItem(SPOKEN) !== null);
  addEventListener("storage", take);
  take();
}

const place = document.querySelector<HTMLElement>("#terminal");
if (place !== null) {
  terminal.open(place);
  addEventListener("keydown", leave, { capture: true });
  terminal.attachCustomKeyEventHandler(onKey);
  terminal.onData((text) => {
    if (!isReplayed || !isAnswer(text)) connection?.send(new TextEncoder().encode(text));
  });
  terminal.onBinary((text) => connection?.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  terminal.onResize((size) => connection?.resize(size));
  new ResizeObserver(() => {
    if (place.clientWidth > 0 && place.clientHeight > 0) fit.fit();
  }).observe(place);
  followSpeech();
  followTheme(() => (terminal.options.theme = themeNow()));
  document.querySelector("#state button")?.addEventListener("click", () => (connection?.connect(), terminal.focus()));
  addEventListener("message", ({ origin, source, data }: MessageEvent<ToFrame>) => {
    if (origin === location.origin && source === parent) hear(data);
  });
  addEventListener("storage", ({ key, newValue }) => {
    if (key === TOKEN && newValue !== null) connection?.renew(newValue);
  });
  tell({ kind: "ready" });
}
