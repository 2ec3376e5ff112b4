// The page's tokens as a terminal takes them: colours that stand by themselves.
import type { ITheme } from "@xterm/xterm";

const TOKENS = {
  background: "bg",
  foreground: "text",
  cursor: "text",
  cursorAccent: "bg",
  selectionBackground: "chosen",
  black: "muted",
  red: "bad",
  green: "ok",
  yellow: "warn",
  blue: "accent-text",
  magenta: "code-keyword",
  cyan: "code-type",
  white: "text",
  brightBlack: "muted",
  brightRed: "bad",
  brightGreen: "code-string",
  brightYellow: "code-number",
  brightBlue: "accent-text",
  brightMagenta: "code-keyword",
  brightCyan: "code-name",
  brightWhite: "text",
} as const satisfies { [Name in keyof ITheme]: string };

export function themeNow(): ITheme {
  const probe = document.body.appendChild(document.createElement("i"));
  const colours = Object.entries(TOKENS).map(([name, token]): [string, string] => {
    probe.style.color = `var(--${token})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(colours);
}

/** Tells of every change between light and dark, by the system or by the page around; the frame takes the page's choice. */
export function followTheme(onChange: () => void): void {
  const outer = parent.document.documentElement;
  const take = () => {
    const chosen = outer.dataset["theme"];
    if (chosen === undefined) delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
    onChange();
  };
  new MutationObserver(take).observe(outer, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", take);
  take();
}
