// Markdown as React elements: no HTML of an answer ever becomes HTML of the page.
import type { Token, Tokens } from "marked";
import { createContext, memo, type ReactNode, use, useRef } from "react";
import styles from "./prose.module.css";
import { Code } from "./code.tsx";
import { type Block, NOTHING_READ, type Reading, read } from "./blocks.ts";

/** The files of the project, each of which can be opened at a line. Absent outside of a project. */
export interface Places {
  has(path: string): boolean;
  all(): readonly string[];
  open(path: string, line: number | undefined): void;
}

export const PlacesContext = createContext<Places | null>(null);

/** A text in Markdown. While it grows, only its last block is drawn again, and only the last group of blocks looked at. */
export function Prose({ text }: { text: string }) {
  const reading = useRef<Reading>(NOTHING_READ);
  const now = read(reading.current, text);
  reading.current = now;
  return (
    <div className={styles.prose}>
      {groupsOf([...now.done, ...now.open]).map((group, at) => (
        <Group key={at} group={group} />
      ))}
    </div>
  );
}

const GROUP = 16; // blocks

/** By their places, so that a block stays in its group. */
function groupsOf(all: readonly Block[]): readonly (readonly Block[])[] {
  return Array.from({ length: Math.ceil(all.length / GROUP) }, (_, at) => all.slice(at * GROUP, (at + 1) * GROUP));
}

const Group = memo(
  ({ group }: { group: readonly Block[] }) => group.map((block) => <BlockView key={block.key} block={block} />),
  (before, after) => before.group.length === after.group.length && before.group.every((block, at) => block === after.group[at]),
);

const BlockView = memo(
  ({ block }: { block: Block }) => blockOf(block.token),
  (before, after) => before.block.raw === after.block.raw && before.block.token.type === after.block.token.type,
);

function blockOf(token: Token): ReactNode {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      const Heading = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as "h3";
      return <Heading>{inlines(token.tokens)}</Heading>;
    }
    case "paragraph":
      return <p>{inlines(token.tokens)}</p>;
    case "code":
      return <Code text={(token as Tokens.Code).text} language={(token as Tokens.Code).lang ?? ""} />;
    case "blockquote":
      return <blockquote>{blocks(token.tokens)}</blockquote>;
    case "hr":
      return <hr />;
    case "list":
      return <List list={token as Tokens.List} />;
    case "table":
      return <Table table={token as Tokens.Table} />;
    default:
      return "tokens" in token && token.tokens !== undefined ? <p>{inlines(token.tokens)}</p> : <p>{token.raw}</p>;
  }
}

function blocks(tokens: readonly Token[] | undefined): ReactNode {
  return tokens?.map((token, at) => <Part key={at} token={token} />);
}

/** A block within a block; the text of a tight list item stands without a paragraph. */
function Part({ token }: { token: Token }): ReactNode {
  return token.type === "text" ? inlines((token as Tokens.Text).tokens ?? [token]) : blockOf(token);
}

function List({ list }: { list: Tokens.List }) {
  const items = list.items.map((item, at) => (
    <li key={at} className={item.task ? styles.task : undefined}>
      {item.task && <input type="checkbox" checked={item.checked === true} readOnly tabIndex={-1} aria-label="done" />}
      {blocks(item.tokens.filter(({ type }) => type !== "checkbox"))}
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    <div className={styles.wide} tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            {table.header.map((cell, at) => (
              <th key={at}>{inlines(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, place) => (
                <td key={place}>{inlines(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlines(tokens: readonly Token[] | undefined): ReactNode {
  return tokens?.map((token, at) => <Inline key={at} token={token} />);
}

function Inline({ token }: { token: Token }): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong>{inlines(token.tokens)}</strong>;
    case "em":
      return <em>{inlines(token.tokens)}</em>;
    case "del":
      return <del>{inlines(token.tokens)}</del>;
    case "br":
      return <br />;
    case "codespan":
      return <Place text={(token as Tokens.Codespan).text} />;
    case "link":
      return <Link link={token as Tokens.Link} />;
    case "image":
      return <span className={styles.muted}>[image: {(token as Tokens.Image).text || "without a description"}]</span>;
    case "text":
    case "escape":
      return "tokens" in token && token.tokens !== undefined ? inlines(token.tokens) : (token as Tokens.Text).text;
    default:
      return token.raw;
  }
}

const SAFE_LINK = /^(https?:|mailto:)/i;

function Link({ link }: { link: Tokens.Link }) {
  if (!SAFE_LINK.test(link.href)) return <Place text={link.href}>{inlines(link.tokens)}</Place>;
  return (
    <a href={link.href} target="_blank" rel="noreferrer noopener">
      {inlines(link.tokens)}
    </a>
  );
}

const A_PLACE = /^(?:\.\/)?([^\s:]+?)(?::(\d+)(?::\d+|-\d+)?)?$/;

/** Code in a line; what names a file of the project, `src/a.ts:12`, opens it. */
function Place({ text, children }: { text: string; children?: ReactNode }) {
  const places = use(PlacesContext);
  const [, path = "", line] = A_PLACE.exec(text) ?? [];
  const shown = children ?? <code>{text}</code>;
  if (places === null || path === "" || !places.has(path)) return shown;
  return (
    <button type="button" className={styles.place} onClick={() => places.open(path, line === undefined ? undefined : Number(line))}>
      {shown}
    </button>
  );
}
