// Search in the texts of the project's files: the lines that match, by file; each is opened at its place.
import { useEffect, useState } from "react";
import { useApi } from "../data/api.ts";
import { Dialog } from "../ui/dialog.tsx";
import { wordsOf } from "../ui/problems.ts";
import { type Asked, type Found, type FoundLine, foundWords, matchLength, queryOf } from "./found.ts";
import { FoundLines, lineId, useChosen } from "./found-lines.tsx";
import styles from "./search-dialog.module.css";

const SETTLE_MS = 250;
const NONE: readonly FoundLine[] = [];
let last: Asked = { q: "", glob: "", regex: false, caseSensitive: false }; // of this tab: it is there again

interface SearchProps {
  projectId: string;
  onOpen: (path: string, line: number) => void;
  onClose: () => void;
}

interface Shown {
  readonly asked: Asked;
  readonly found: Found;
}

export default function SearchDialog({ projectId, onOpen, onClose }: SearchProps) {
  const [asked, setAsked] = useState(last);
  const { shown, problem, isBusy } = useSearch(projectId, asked);
  const matches = shown?.found.matches ?? NONE;
  const chosen = useChosen(matches, open);
  function change(part: Partial<Asked>) {
    last = { ...asked, ...part };
    setAsked(last);
  }
  function open(line: FoundLine) {
    onClose();
    onOpen(line.path, line.line);
  }
  return (
    <Dialog label="Search in the files" onClose={onClose} isWide>
      <div className={styles.asked} onKeyDown={chosen.onKey}>
        <input
          autoFocus
          role="combobox"
          aria-expanded={matches.length > 0}
          aria-controls="found"
          aria-activedescendant={lineId(matches, chosen.at)}
          aria-label="Search in the files"
          placeholder="Search in the files"
          maxLength={1000}
          value={asked.q}
          onFocus={(event) => event.target.select()}
          onChange={(event) => change({ q: event.target.value })}
        />
        <Switch label="Case counts" sign="Aa" isOn={asked.caseSensitive} onTurn={(caseSensitive) => change({ caseSensitive })} />
        <Switch label="Regular expression" sign=".*" isOn={asked.regex} onTurn={(regex) => change({ regex })} />
        <input
          aria-label="Only in files like"
          placeholder="Only in: src/**, *.ts, !*.test.ts"
          maxLength={400}
          value={asked.glob}
          onChange={(event) => change({ glob: event.target.value })}
        />
      </div>
      <p className={styles.words} role="status" data-problem={problem !== "" || undefined}>
        {problem !== "" ? problem : asked.q === "" ? "Letters, or a regular expression, of one line." : wordsFor(shown, isBusy)}
      </p>
      {shown !== null && matches.length > 0 && (
        <FoundLines
          label="Lines found"
          lines={matches}
          lengthOf={(line) => matchLength(line, shown.asked)}
          chosen={chosen}
          isOld={isBusy}
          onOpen={open}
        />
      )}
    </Dialog>
  );
}

function wordsFor(shown: Shown | null, isBusy: boolean): string {
  return isBusy || shown === null ? "Searching…" : foundWords(shown.found);
}

function Switch({ label, sign, isOn, onTurn }: { label: string; sign: string; isOn: boolean; onTurn: (isOn: boolean) => void }) {
  return (
    <button type="button" title={label} aria-label={label} aria-pressed={isOn} onClick={() => onTurn(!isOn)}>
      {sign}
    </button>
  );
}

/** What is found, once nothing is typed for a moment; what was found before stays until then. */
function useSearch(projectId: string, asked: Asked): { shown: Shown | null; problem: string; isBusy: boolean } {
  const [shown, setShown] = useState<Shown | null>(null);
  const [problem, setProblem] = useState("");
  const http = useApi();
  useEffect(() => {
    setProblem("");
    if (asked.q === "") return setShown(null);
    const left = new AbortController();
    const timer = setTimeout(() => {
      http.call<Found>("GET", `/projects/${projectId}/search?${queryOf(asked)}`, undefined, left.signal).then(
        (found) => left.signal.aborted || setShown({ asked, found }),
        (error: unknown) => left.signal.aborted || (setShown(null), setProblem(wordsOf(error))),
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      left.abort();
    };
  }, [http, projectId, asked]);
  return { shown, problem, isBusy: problem === "" && shown?.asked !== asked };
}
