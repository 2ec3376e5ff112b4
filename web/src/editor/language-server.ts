// A language server for editors: what is wrong, what a name is, how a word goes on, where something comes from.
import {
  hoverTooltips,
  jumpToDefinition,
  jumpToDefinitionKeymap,
  LSPClient,
  serverCompletion,
  serverDiagnostics,
  signatureHelp,
  type Transport,
} from "@codemirror/lsp-client";
import { diagnosticCount, linter, lintGutter, lintKeymap, openLintPanel } from "@codemirror/lint";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { harmless } from "./harmless.ts";
import { OpenDocuments } from "./open-documents.ts";
import { symbolKeys, type Symbols } from "./symbols.ts";
import { ROOT, uriOf } from "./uris.ts";

const ANSWER_MS = 20_000; // a large project is read before the first answer

/** What a server needs of the page around it. */
export interface Surroundings {
  has(path: string): boolean; // among the files of the project
  open(path: string): void;
  say(words: string): void;
}

export interface Problems {
  readonly count: number;
  readonly list: () => void; // shows them below the text
}

/** What the page around an editor is told. */
export interface Told extends Symbols {
  problems(problems: Problems): void;
}

export interface LanguageServer {
  /** What an editor of one file gets of it. */
  attach(path: string, language: string, told: Told): Extension;
  /** Tells it now what was typed: what is saved before that looks as if somebody else had written it. */
  sync(): void;
}

/** Introduces the page to the server behind `transport`. Rejects with what the server says, when it does not work. */
export async function serverOver(transport: Transport, around: Surroundings): Promise<LanguageServer> {
  const client = new LSPClient({
    rootUri: ROOT,
    timeout: ANSWER_MS,
    sanitizeHTML: harmless,
    workspace: (made) => new OpenDocuments(made, around),
    // Without a version it is about a text that the agent has written meanwhile, and not about the one that is shown.
    notificationHandlers: { "textDocument/publishDiagnostics": (_, { version }: { version?: number }) => version === undefined },
    extensions: [
      serverCompletion(),
      hoverTooltips(),
      signatureHelp(),
      serverDiagnostics(),
      keymap.of([...jumpToDefinitionKeymap, ...lintKeymap]),
      EditorView.domEventHandlers({ mousedown: followed }),
      EditorState.phrases.of({ "No diagnostics": "No problems", Diagnostics: "Problems" }),
      linter(null),
      lintGutter(),
    ],
  });
  client.connect(transport);
  await client.initializing;
  return {
    attach: (path, language, told) => [client.plugin(uriOf(path), language), counted(told), symbolKeys(client, told)],
    sync: () => client.sync(),
  };
}

/** Ctrl and a click lead to the definition of what is clicked. */
function followed(event: MouseEvent, view: EditorView): boolean {
  if (event.button !== 0 || !(event.ctrlKey || event.metaKey)) return false;
  const at = view.posAtCoords({ x: event.clientX, y: event.clientY });
  if (at === null) return false;
  view.dispatch({ selection: { anchor: at } });
  event.preventDefault();
  return jumpToDefinition(view);
}

function counted(told: Told): Extension {
  return EditorView.updateListener.of(({ view, state, startState }) => {
    const count = diagnosticCount(state);
    if (count !== diagnosticCount(startState)) told.problems({ count, list: () => void openLintPanel(view) });
  });
}
