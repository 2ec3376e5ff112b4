// Colours of code in a text: by the parsers of the editor, which are loaded when the first code is seen.
import { highlightCode, tagHighlighter, tags } from "@lezer/highlight";
import { supportOf } from "../editor/languages.ts";

export interface Piece {
  readonly text: string;
  readonly kind: string; // one of the classes below; empty: plain
}

const NAMES: Readonly<Record<string, string>> = {
  javascript: "js",
  typescript: "ts",
  python: "py",
  markdown: "md",
};

const kinds = tagHighlighter([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: "keyword" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], class: "string" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: "number" },
  { tag: [tags.comment, tags.quote], class: "comment" },
  { tag: [tags.typeName, tags.className, tags.namespace, tags.tagName], class: "type" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], class: "function" },
  { tag: [tags.propertyName, tags.attributeName], class: "name" },
]);

/** The code in pieces of one colour each; null where its language is not known here. */
export async function coloured(text: string, language: string): Promise<readonly Piece[] | null> {
  const support = await supportOf(NAMES[language.toLowerCase()] ?? language);
  if (support === undefined) return null;
  const pieces: Piece[] = [];
  const put = (piece: string, kind: string) => pieces.push({ text: piece, kind });
  highlightCode(text, support.language.parser.parse(text), kinds, put, () => put("\n", ""));
  return pieces;
}
