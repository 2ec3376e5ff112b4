// The tree of a project's files as rows, and what keys do in it. Pure.
export interface Entry {
  readonly _id: string;
  readonly path: string;
  readonly type: "file" | "folder";
  readonly storageId?: string | undefined;
  readonly mode?: string | undefined;
}

export interface Row {
  readonly path: string;
  readonly name: string;
  readonly depth: number; // 0 at the root
  readonly type: Entry["type"];
  readonly isOpen: boolean;
}

/** Folders first, then by name, each below its folder; the order of `entries` does not matter. */
export function childrenOf(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const children = new Map<string, Entry[]>();
  for (const entry of entries) {
    const folder = folderOf(entry.path);
    const siblings = children.get(folder);
    if (siblings === undefined) children.set(folder, [entry]);
    else siblings.push(entry);
  }
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  for (const siblings of children.values()) {
    siblings.sort((a, b) => (a.type === b.type ? compare(a.path, b.path) : a.type === "folder" ? -1 : 1));
  }
  return children;
}

/** The rows that are seen while these folders are open. */
export function visibleRows(children: ReadonlyMap<string, readonly Entry[]>, open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  const add = (folder: string, depth: number) => {
    for (const { path, type } of children.get(folder) ?? []) {
      const isOpen = type === "folder" && open.has(path);
      rows.push({ path, name: nameOf(path), depth, type, isOpen });
      if (isOpen) add(path, depth + 1);
    }
  };
  add("", 0);
  return rows;
}

export interface TreeState {
  readonly focused: string; // a path; of a row that is gone: the first row has the focus
  readonly open: ReadonlySet<string>;
}

/** What a key does, by the pattern of ARIA for trees; null: nothing of ours. */
export function afterKey(state: TreeState, rows: readonly Row[], key: string): TreeState | null {
  const at = Math.max(
    0,
    rows.findIndex(({ path }) => path === state.focused),
  );
  const row = rows[at];
  if (row === undefined) return null;
  const to = (place: number) => ({ ...state, focused: rows[Math.min(Math.max(place, 0), rows.length - 1)]?.path ?? "" });
  switch (key) {
    case "ArrowDown":
      return to(at + 1);
    case "ArrowUp":
      return to(at - 1);
    case "Home":
      return to(0);
    case "End":
      return to(rows.length - 1);
    case "ArrowRight":
      if (row.type === "file") return state;
      return row.isOpen ? (rows[at + 1]?.depth === row.depth + 1 ? to(at + 1) : state) : toggled(state, row.path);
    case "ArrowLeft": {
      if (row.isOpen) return toggled(state, row.path);
      const folder = folderOf(row.path);
      return folder === "" ? state : { ...state, focused: folder };
    }
    default:
      return null;
  }
}

export function toggled(state: TreeState, path: string): TreeState {
  const open = new Set(state.open);
  if (!open.delete(path)) open.add(path);
  return { focused: path, open };
}

/** With all folders open that lead to a path. */
export function revealed(state: TreeState, path: string): TreeState {
  const open = new Set(state.open);
  for (let folder = folderOf(path); folder !== ""; folder = folderOf(folder)) open.add(folder);
  return { focused: path, open };
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Where a link at `path` leads to: its text is a path from its folder on. */
export function targetOf(path: string, text: string): string {
  const names: string[] = [];
  for (const name of `${folderOf(path)}/${text}`.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names.join("/");
}
