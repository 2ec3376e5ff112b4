// The documents that a language server knows of: those that stand in an editor.
import { type LSPClient, LSPPlugin, Workspace, type WorkspaceFile } from "@codemirror/lsp-client";
import type { ChangeSet, Text } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { Surroundings } from "./language-server.ts";
import { pathOf } from "./uris.ts";

const SHOWN_MS = 10_000; // for a file to be fetched and drawn

interface Document extends WorkspaceFile {
  readonly view: EditorView;
}

interface Change {
  file: Document;
  prevDoc: Text;
  changes: ChangeSet;
}

export class OpenDocuments extends Workspace {
  override files: Document[] = [];
  private version = 0; // of all of them: a document that is opened again goes on counting
  private readonly around: Surroundings;
  private readonly awaited = new Map<string, (view: EditorView) => void>();
  constructor(client: LSPClient, around: Surroundings) {
    super(client);
    this.around = around;
  }

  /** However its address is written: servers encode other characters than browsers do. */
  override getFile(uri: string): Document | null {
    return this.files.find((file) => file.uri === uri || pathOf(file.uri) === pathOf(uri)) ?? null;
  }

  override syncFiles(): Change[] {
    const changed: Change[] = [];
    for (const file of this.files) {
      const plugin = LSPPlugin.get(file.view);
      if (plugin === null || plugin.unsyncedChanges.empty) continue;
      changed.push({ file, prevDoc: file.doc, changes: plugin.unsyncedChanges });
      file.doc = file.view.state.doc;
      file.version = this.version += 1;
      plugin.clear();
    }
    return changed;
  }

  override openFile(uri: string, languageId: string, view: EditorView): void {
    const file = { uri, languageId, view, version: (this.version += 1), doc: view.state.doc, getView: () => view };
    this.files.push(file);
    this.client.didOpen(file);
    this.awaited.get(pathOf(uri) ?? "")?.(view);
  }

  override closeFile(uri: string, view: EditorView): void {
    this.files = this.files.filter((file) => file.view !== view);
    this.client.didClose(uri);
  }

  /** Opens it in the page; null, and words for the person, where there is no such file. */
  override async displayFile(uri: string): Promise<EditorView | null> {
    const path = pathOf(uri);
    if (path === null || !this.around.has(path)) {
      this.around.say(`It comes from ${path ?? uri.slice(uri.lastIndexOf("/") + 1)}, which is no file of this project.`);
      return null;
    }
    const open = this.getFile(uri)?.view;
    const view = open ?? this.attached(path);
    this.around.open(path);
    const shown = await view;
    shown?.focus();
    return shown;
  }

  private async attached(path: string): Promise<EditorView | null> {
    return await new Promise((resolve) => {
      const done = (view: EditorView | null) => {
        clearTimeout(timer);
        this.awaited.delete(path);
        queueMicrotask(() => resolve(view)); // it is in the middle of an update
      };
      const timer = setTimeout(() => done(null), SHOWN_MS);
      this.awaited.set(path, done);
    });
  }
}
