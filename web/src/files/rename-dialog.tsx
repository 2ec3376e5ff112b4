// Another name for something in all of the project: in open files as if it were typed, in others saved at once.
import { useConvex } from "convex/react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { filePath, useApi } from "../data/api.ts";
import { renamed } from "../editor/changes.ts";
import type { FileEdits, Rename } from "../editor/symbols.ts";
import { Ask } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";

interface RenameProps {
  projectId: Id<"projects">;
  name: string;
  rename: Rename;
  onClose: () => void;
}

export default function RenameDialog({ projectId, name, rename, onClose }: RenameProps) {
  const convex = useConvex();
  const http = useApi();
  const say = useNotices();
  async function save({ path, edits }: FileEdits): Promise<boolean> {
    const file = await convex.query(api.files.byPath, { projectId, path });
    const text = file?.content === undefined ? null : renamed(file.content, name, edits);
    if (file === null || text === null) return false;
    const address = `${filePath(projectId, path)}?expectedSha256=${file.sha256}`;
    return await http.call("PUT", address, { content: text }).then(
      () => true,
      () => false,
    );
  }
  async function done(newName: string) {
    const others = await rename(newName);
    const saved = await Promise.all(others.map(save));
    const left = others.filter((_, at) => saved[at] !== true).map(({ path }) => path);
    if (others.length > 0) say(wordsOf(others.length - left.length, left));
  }
  return (
    <Ask
      title={`Rename ${name} everywhere`}
      text="Open files are changed as if you had typed it, and wait to be saved. Others are saved at once."
      action="Rename"
      field={{ label: "New name", value: name }}
      onClose={onClose}
      onDone={done}
    />
  );
}

function wordsOf(saved: number, left: readonly string[]): string {
  const done =
    saved === 0 ? "" : saved === 1 ? "1 other file is saved with the new name. " : `${saved} other files are saved with the new name. `;
  const notDone = left.length === 0 ? "" : `Not renamed, since they have changed meanwhile: ${left.slice(0, 5).join(", ")}. `;
  return `${done}${notDone}Save the open ones, too.`;
}
