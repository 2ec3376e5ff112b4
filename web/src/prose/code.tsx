// A block of code: its language, a button that copies it, and colours once it has been still for a moment.
import { useEffect, useState } from "react";
import type { Piece } from "./colours.ts";
import styles from "./prose.module.css";

const STILL_MS = 250; // code that is being written is not coloured with each letter
const MOST_CHARS = 30_000; // more takes the parser longer than a frame or two

export function Code({ text, language }: { text: string; language: string }) {
  const [isCopied, setCopied] = useState(false);
  const pieces = useColours(text, language);
  async function copy() {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  }
  return (
    <figure className={styles.code}>
      <figcaption>
        <span>{language || "text"}</span>
        <button type="button" onClick={() => void copy()}>
          {isCopied ? "Copied" : "Copy"}
        </button>
      </figcaption>
      <pre tabIndex={0} role="group" aria-label={`Code${language === "" ? "" : ` in ${language}`}`}>
        <code>
          {pieces?.map(({ text: piece, kind }, at) =>
            kind === "" ? (
              piece
            ) : (
              <span key={at} className={styles[kind]}>
                {piece}
              </span>
            ),
          ) ?? text}
        </code>
      </pre>
    </figure>
  );
}

/** The pieces of this very text; null before they are known, and where there are none. */
function useColours(text: string, language: string): readonly Piece[] | null {
  const [found, setFound] = useState<{ of: string; pieces: readonly Piece[] | null }>();
  useEffect(() => {
    if (language === "" || text.length > MOST_CHARS) return;
    let isGone = false;
    async function colour() {
      const { coloured } = await import("./colours.ts");
      const pieces = await coloured(text, language);
      if (!isGone) setFound({ of: text, pieces });
    }
    const timer = setTimeout(() => void colour().catch(() => setFound(undefined)), STILL_MS); // without colours it is read as well
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [text, language]);
  return found?.of === text ? found.pieces : null;
}
