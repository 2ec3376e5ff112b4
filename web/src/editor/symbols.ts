// The uses of a name in all of a project, and another name for it everywhere: as the language server finds them.
import { type LSPClient, LSPPlugin } from "@codemirror/lsp-client";
import type { Extension } from "@codemirror/state";
import { type EditorView, keymap } from "@codemirror/view";
import { changesOf, type Range, type TextEdit } from "./changes.ts";
import { pathOf, uriOf } from "./uris.ts";

export interface Use {
  readonly path: string;
  readonly range: Range;
  readonly text: string | undefined; // its line as it stands in an editor, if the file is open
}

/** What is to be changed in a file that stands in no editor. */
export interface FileEdits {
  readonly path: string;
  readonly edits: readonly TextEdit[];
}

/** Renames in the open editors; the answer is what is left to be done. Rejects with words. */
export type Rename = (newName: string) => Promise<readonly FileEdits[]>;

export interface Symbols {
  uses(name: string, uses: readonly Use[]): void;
  rename(name: string, rename: Rename): void;
}

interface WorkspaceEdit {
  changes?: Record<string, TextEdit[]>;
  documentChanges?: ({ textDocument: { uri: string }; edits: TextEdit[] } | { kind: string })[];
}

/** Shift+F12 finds the uses, F2 renames. */
export function symbolKeys(client: LSPClient, told: Symbols): Extension {
  return keymap.of([
    { key: "Shift-F12", preventDefault: true, run: (view) => atName(view, (name, plugin) => void findUses(client, plugin, name, told)) },
    { key: "F2", preventDefault: true, run: (view) => atName(view, (name, plugin) => told.rename(name, renameOf(client, plugin))) },
  ]);
}

function atName(view: EditorView, act: (name: string, plugin: LSPPlugin) => void): boolean {
  const word = view.state.wordAt(view.state.selection.main.head);
  const plugin = LSPPlugin.get(view);
  if (word !== null && plugin !== null) act(view.state.sliceDoc(word.from, word.to), plugin);
  return true;
}

function placeOf(plugin: LSPPlugin) {
  return { textDocument: { uri: plugin.uri }, position: plugin.toPosition(plugin.view.state.selection.main.head) };
}

async function findUses(client: LSPClient, plugin: LSPPlugin, name: string, told: Symbols): Promise<void> {
  client.sync();
  try {
    const asked = { ...placeOf(plugin), context: { includeDeclaration: true } };
    const found = (await client.request<typeof asked, { uri: string; range: Range }[] | null>("textDocument/references", asked)) ?? [];
    told.uses(
      name,
      found.flatMap(({ uri, range }) => {
        const path = pathOf(uri);
        const doc = client.workspace.getFile(uri)?.doc;
        const text = doc === undefined || range.start.line >= doc.lines ? undefined : doc.line(range.start.line + 1).text;
        return path === null ? [] : [{ path, range, text }];
      }),
    );
  } catch (problem) {
    plugin.reportError("The uses cannot be found", problem);
  }
}

function renameOf(client: LSPClient, plugin: LSPPlugin): Rename {
  const place = placeOf(plugin);
  return async (newName) => {
    client.sync();
    const before = new Map(client.workspace.files.map((file) => [pathOf(file.uri), file.doc]));
    const asked = { ...place, newName };
    const edit = await client.request<typeof asked, WorkspaceEdit | null>("textDocument/rename", asked);
    const files = filesOf(edit ?? {});
    const open = files.map(({ path, edits }) => ({ edits, view: client.workspace.getFile(uriOf(path))?.getView() ?? null, path }));
    if (open.some(({ view, path }) => view !== null && view.state.doc !== before.get(path))) {
      throw new Error("Something was typed meanwhile. Rename it again.");
    }
    for (const { view, edits } of open) view?.dispatch({ changes: changesOf(view.state.doc.toString(), edits), userEvent: "rename" });
    return open.filter(({ view }) => view === null);
  };
}

function filesOf({ changes = {}, documentChanges = [] }: WorkspaceEdit): FileEdits[] {
  const all = Object.entries(changes);
  for (const change of documentChanges) {
    if ("kind" in change) throw new Error("The server wants to move files for it: that is not done here.");
    all.push([change.textDocument.uri, change.edits]);
  }
  return all.map(([uri, edits]) => {
    const path = pathOf(uri);
    if (path === null) throw new Error("It comes from a file that is none of this project.");
    return { path, edits };
  });
}
