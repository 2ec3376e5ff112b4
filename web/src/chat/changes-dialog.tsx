// What an answer has changed, turn by turn: each can be looked at hunk by hunk, taken back in part, or undone from there on.
import { useEffect, useState } from "react";
import { useApi } from "../data/api.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { wordsOf } from "../ui/problems.ts";
import { type Checkpoint, type Outcome, outcomeWords, type Reviewed } from "./checkpoints.ts";
import styles from "./changes.module.css";

interface ChangesProps {
  projectId: string;
  messageId: string;
  onClose: () => void;
}

const PAGES = 4; // of 50: an answer that is older has to be undone by its files

export default function ChangesDialog({ projectId, messageId, onClose }: ChangesProps) {
  const http = useApi();
  const address = `/projects/${projectId}/checkpoints`;
  const [turns, setTurns] = useState<readonly Checkpoint[]>();
  const [said, setSaid] = useState("");
  const [undone, setUndone] = useState<{ from: number; by: string }>();
  useEffect(() => {
    async function load() {
      const found: Checkpoint[] = [];
      let cursor = "";
      for (let page = 0; page < PAGES; page += 1) {
        const query = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const { checkpoints, nextCursor } = await http.call<{ checkpoints: Checkpoint[]; nextCursor?: string }>(
          "GET",
          `${address}?limit=50${query}`,
        );
        found.push(...checkpoints.filter((each) => each.messageId === messageId));
        if (nextCursor === undefined || (found.length > 0 && checkpoints.at(-1)?.messageId !== messageId)) break;
        cursor = nextCursor;
      }
      setTurns(found.reverse());
    }
    load().catch((error: unknown) => setSaid(wordsOf(error)));
  }, [http, address, messageId]);
  async function restore(checkpointId: string, turn: number | undefined) {
    setSaid("Undoing…");
    try {
      const outcome = await http.call<Outcome>("POST", `${address}/${checkpointId}/restore`);
      setSaid(outcomeWords(outcome));
      setUndone(turn === undefined ? undefined : { from: turn, by: outcome.checkpointId });
    } catch (error) {
      setSaid(wordsOf(error));
    }
  }
  return (
    <Dialog label="Changes of this answer" onClose={onClose} isWide>
      <div className={styles.body}>
        <h2>Changes of this answer</h2>
        {turns === undefined && said === "" && <p>Loading…</p>}
        {turns?.length === 0 && <p>They are too old to be undone here.</p>}
        {turns?.map((each, at) => (
          <Turn
            key={each.checkpointId}
            address={address}
            checkpoint={each}
            isUndone={undone !== undefined && at >= undone.from}
            onUndo={() => void restore(each.checkpointId, at)}
          />
        ))}
        <p role="status">{said}</p>
        <footer>
          {undone !== undefined && <Button onClick={() => void restore(undone.by, undefined)}>Bring them back</Button>}
          <Button look="primary" onClick={onClose}>
            Close
          </Button>
        </footer>
      </div>
    </Dialog>
  );
}

interface TurnProps {
  address: string;
  checkpoint: Checkpoint;
  isUndone: boolean;
  onUndo: () => void;
}

function Turn({ address, checkpoint, isUndone, onUndo }: TurnProps) {
  const { checkpointId, files, turn = 0, fileCount, added, removed } = checkpoint;
  const [isOpen, setOpen] = useState(false);
  return (
    <section className={styles.turn}>
      <header>
        <b>Turn {turn + 1}</b>
        <span>
          {fileCount} {fileCount === 1 ? "file" : "files"}, +{added} −{removed}
        </span>
        <Button look="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide" : "Look"}
        </Button>
        <Button title="This turn and all that came after it" disabled={isUndone} onClick={onUndo}>
          {isUndone ? "Undone" : "Undo from here on"}
        </Button>
      </header>
      {isOpen ? (
        <Review address={`${address}/${checkpointId}`} />
      ) : (
        <p>
          {files
            .slice(0, 8)
            .map(({ path }) => path)
            .join(", ")}
          {fileCount > 8 && " …"}
        </p>
      )}
    </section>
  );
}

/** Its files in hunks, each to be kept or taken out of the file as it is now. */
function Review({ address }: { address: string }) {
  const http = useApi();
  const [files, setFiles] = useState<readonly Reviewed[]>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    http.call<{ files: Reviewed[] }>("GET", `${address}?limit=100`).then(
      ({ files: found }) => setFiles(found),
      (error: unknown) => setProblem(wordsOf(error)),
    );
  }, [http, address]);
  async function judge(path: string, verdict: "accept" | "reject", hunkId: string) {
    setProblem("");
    try {
      const { files: judged } = await http.call<{ files: Reviewed[] }>("POST", `${address}/hunks`, { path, [verdict]: [hunkId] });
      setFiles((before) => before?.map((each) => judged.find((now) => now.path === each.path) ?? each));
    } catch (error) {
      setProblem(wordsOf(error));
    }
  }
  if (files === undefined) return <p>{problem || "Loading…"}</p>;
  return (
    <>
      {problem !== "" && <p role="alert">{problem}</p>}
      {files.flatMap(({ path, hunks }) =>
        hunks.map(({ hunkId, lines, state, newStart }) => (
          <figure key={`${path} ${hunkId}`} className={styles.hunk} data-state={state}>
            <figcaption>
              <code>
                {path}
                {newStart > 0 && `:${newStart}`}
              </code>
              {state === "open" ? (
                <>
                  <Button look="quiet" onClick={() => void judge(path, "accept", hunkId)}>
                    Keep
                  </Button>
                  <Button look="quiet" onClick={() => void judge(path, "reject", hunkId)}>
                    Take out
                  </Button>
                </>
              ) : (
                <span>{state === "accepted" ? "kept" : "taken out"}</span>
              )}
            </figcaption>
            {lines.length > 0 && (
              <pre tabIndex={0} role="group" aria-label={`Changes of ${path}`}>
                {lines.map((line, at) => (
                  <div key={at} data-sign={line[0]}>
                    {line || " "}
                  </div>
                ))}
              </pre>
            )}
          </figure>
        )),
      )}
    </>
  );
}
