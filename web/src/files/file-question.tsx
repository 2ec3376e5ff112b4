// What is asked before something is made, moved or deleted in the tree.
import { filePath, useApi } from "../data/api.ts";
import { Ask } from "../ui/dialog.tsx";
import type { Asked } from "./file-tree.tsx";
import { nameOf } from "./tree.ts";

interface QuestionProps {
  projectId: string;
  asked: Asked;
  onClose: () => void;
  onOpen: (path: string) => void;
}

export default function FileQuestion({ projectId, asked: { what, path }, onClose, onOpen }: QuestionProps) {
  const api = useApi();
  const files = `/projects/${projectId}/files`;
  if (what === "delete") {
    const remove = () => api.call("DELETE", filePath(projectId, path));
    return (
      <Ask
        title={`Delete ${nameOf(path)}?`}
        text={`${path}, with all that is in it.`}
        action="Delete"
        isDanger
        onClose={onClose}
        onDone={remove}
      />
    );
  }
  if (what === "rename") {
    const move = (newPath: string) => api.call("POST", `${files}/rename`, { path, newPath });
    return <Ask title="Rename or move" field={{ label: "New path", value: path }} action="Move" onClose={onClose} onDone={move} />;
  }
  async function make(made: string) {
    await api.call("POST", files, { type: what, path: made });
    if (what === "file") onOpen(made);
  }
  const value = path === "" ? "" : `${path}/`;
  return <Ask title={`New ${what}`} field={{ label: `Path of the ${what}`, value }} action="Create" onClose={onClose} onDone={make} />;
}
