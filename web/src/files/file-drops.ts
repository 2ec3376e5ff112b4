// Files that come into the tree: from the person's machine by a drop or a choice, or moved within it by a drop.
import { type DragEvent, useCallback } from "react";
import { filePath, useApi } from "../data/api.ts";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";
import { folderOf, nameOf, type Row } from "./tree.ts";

const MOVED = "application/x-polaris-path";

function within(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Writes them into a folder, "" for the root; what stands there already is replaced, as on a disk. */
export function useUpload(projectId: string) {
  const http = useApi();
  const say = useNotices();
  return useCallback(
    async (files: Iterable<File>, folder: string) => {
      for (const file of files) {
        const bytes = new Blob([file], { type: "application/octet-stream" }); // JSON would be read as a request
        const address = filePath(projectId, within(folder, file.name));
        await http.call("PUT", address, bytes).catch((error: unknown) => say(`${file.name} is not uploaded. ${wordsOf(error)}`));
      }
    },
    [http, say, projectId],
  );
}

/** What a row of the tree does when it is dragged, and when something is dropped on it. */
export function useDrops(projectId: string) {
  const http = useApi();
  const say = useNotices();
  const upload = useUpload(projectId);
  return useCallback(
    (row: Row | null) => ({
      draggable: row !== null,
      onDragStart: (event: DragEvent) => {
        if (row !== null) event.dataTransfer.setData(MOVED, row.path);
      },
      onDragOver: (event: DragEvent) => event.preventDefault(),
      onDrop: (event: DragEvent) => {
        event.preventDefault();
        event.stopPropagation();
        const folder = row === null ? "" : row.type === "folder" ? row.path : folderOf(row.path);
        const path = event.dataTransfer.getData(MOVED);
        if (path === "") return void upload([...event.dataTransfer.files], folder);
        const newPath = within(folder, nameOf(path));
        if (newPath === path) return;
        http.call("POST", `/projects/${projectId}/files/rename`, { path, newPath }).catch((error: unknown) => say(wordsOf(error)));
      },
    }),
    [http, say, upload, projectId],
  );
}
