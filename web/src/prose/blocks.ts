// Markdown that grows: only its last blocks are read again. Pure.
import { lexer, type Token } from "marked";

export interface Block {
  readonly key: number; // where it begins in the text
  readonly raw: string;
  readonly token: Token;
}

/** A text as it has been read so far: `done` blocks change no more, `open` ones may. */
export interface Reading {
  readonly text: string;
  readonly done: readonly Block[];
  readonly doneChars: number;
  readonly open: readonly Block[];
}

export const NOTHING_READ: Reading = { text: "", done: [], doneChars: 0, open: [] };

/**
 * Reads `text`, which goes on from what was read before or is another one. Blocks are done once a later block has begun
 * in whole lines: a line that is not whole yet may still belong to the block before it.
 */
export function read(before: Reading, text: string): Reading {
  if (text === before.text) return before;
  const start = text.startsWith(before.text) ? before : NOTHING_READ;
  const wholeLines = text.slice(start.doneChars, text.lastIndexOf("\n") + 1);
  const settledBlocks = blocksOf(wholeLines, start.doneChars);
  const lastBlock = settledBlocks.findLastIndex(({ token }) => token.type !== "space");
  const more = settledBlocks.slice(0, Math.max(0, lastBlock));
  // What is done must be the text to the letter, or the rest would be cut at a wrong place; the lexer rewrites some spaces.
  const moreText = more.map(({ raw }) => raw).join("");
  const isExact = wholeLines.startsWith(moreText);
  const doneChars = isExact ? start.doneChars + moreText.length : start.doneChars;
  const done = isExact && more.length > 0 ? [...start.done, ...more] : start.done;
  return { text, done, doneChars, open: blocksOf(text.slice(doneChars), doneChars) };
}

function blocksOf(text: string, from: number): Block[] {
  let key = from;
  return lexer(text).map((token) => {
    const block = { key, raw: token.raw, token };
    key += token.raw.length;
    return block;
  });
}
