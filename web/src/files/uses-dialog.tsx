// The uses of a name over all of the project, each opened at its place.
import { useConvex } from "convex/react";
import { useEffect, useState } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import type { Use } from "../editor/symbols.ts";
import { Dialog } from "../ui/dialog.tsx";
import { wordsOf } from "../ui/problems.ts";
import type { FoundLine } from "./found.ts";
import { FoundLines, useChosen } from "./found-lines.tsx";
import styles from "./search-dialog.module.css";

const SHOWN = 200; // uses …
const READ = 50; // … in so many files

interface UsesProps {
  projectId: Id<"projects">;
  name: string;
  uses: readonly Use[];
  onOpen: (path: string, line: number) => void;
  onClose: () => void;
}

export default function UsesDialog({ projectId, name, uses, onOpen, onClose }: UsesProps) {
  const { lines, problem } = useLines(projectId, uses);
  const chosen = useChosen(lines, open);
  function open({ path, line }: FoundLine) {
    onClose();
    onOpen(path, line);
  }
  const words =
    uses.length === 0 ? "Nobody uses it." : lines.length < uses.length ? `The first ${lines.length} are shown.` : "Enter opens one.";
  return (
    <Dialog label={`Uses of ${name}`} onClose={onClose} isWide>
      <h2 className={styles.title}>
        {uses.length} {uses.length === 1 ? "use" : "uses"} of <code>{name}</code>
      </h2>
      <p className={styles.words}>{problem === "" ? words : problem}</p>
      <FoundLines label={`Uses of ${name}`} hasFocus lines={lines} lengthOf={() => name.length} chosen={chosen} onOpen={open} />
    </Dialog>
  );
}

/** The lines in which they stand: of open files as they are in their editors, of others as they are saved. */
function useLines(projectId: Id<"projects">, uses: readonly Use[]): { lines: readonly FoundLine[]; problem: string } {
  const convex = useConvex();
  const [lines, setLines] = useState<readonly FoundLine[]>([]);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let isGone = false;
    async function read() {
      const paths = [...new Set(uses.flatMap(({ path, text }) => (text === undefined ? [path] : [])))].slice(0, READ);
      const files = await Promise.all(paths.map(async (path) => await convex.query(api.files.byPath, { projectId, path })));
      const texts = new Map(files.map((file, at) => [paths[at], file?.content?.split("\n")]));
      if (isGone) return;
      setLines(
        uses.slice(0, SHOWN).flatMap(({ path, range: { start }, text }) => {
          const line = text ?? texts.get(path)?.[start.line];
          if (line === undefined) return [];
          const column = [...line.slice(0, start.character)].length + 1;
          return [{ path, line: start.line + 1, column, text: line.slice(0, 400), textColumn: 1 }];
        }),
      );
    }
    read().catch((error: unknown) => setProblem(wordsOf(error)));
    return () => {
      isGone = true;
    };
  }, [convex, projectId, uses]);
  return { lines, problem };
}
