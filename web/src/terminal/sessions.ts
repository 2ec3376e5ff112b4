// The terminals that are open in a project, kept for the tab: a reload finds their shells again. Pure.

export interface Open {
  readonly key: string; // of the tab, as long as the page is there
  readonly number: number; // what it is called by
  readonly session: string | null; // null until there is a shell
}

export interface Terminals {
  readonly open: readonly Open[];
  readonly shown: string | null; // a key, or `processes`
}

export const NONE: Terminals = { open: [], shown: null };

/** With one more, which is shown; its number is the lowest that is free. */
export function withNew({ open }: Terminals, session: string | null = null): Terminals {
  let number = 1;
  while (open.some((each) => each.number === number)) number += 1;
  const key = `terminal-${number}-${open.length === 0 ? 0 : Math.max(...open.map(ageOf)) + 1}`;
  return { open: [...open, { key, number, session }], shown: key };
}

function ageOf({ key }: Open): number {
  return Number(key.split("-").at(-1));
}

/** Without that one; the one beside it is shown instead. */
export function without({ open, shown }: Terminals, key: string): Terminals {
  const at = open.findIndex((each) => each.key === key);
  const rest = open.filter((each) => each.key !== key);
  const beside = rest[Math.min(at, rest.length - 1)]?.key ?? null;
  return { open: rest, shown: shown === key ? beside : shown };
}

export function withSession({ open, shown }: Terminals, key: string, session: string | null): Terminals {
  return { open: open.map((each) => (each.key === key ? { ...each, session } : each)), shown };
}

/** As text for the next page, and back; what has no shell is not kept. */
export function keptText({ open }: Terminals): string {
  return JSON.stringify(open.flatMap(({ session }) => (session === null ? [] : [session])));
}

export function fromKept(text: string | null): Terminals {
  let known: unknown = null;
  try {
    known = JSON.parse(text ?? "null");
  } catch {
    return NONE;
  }
  if (!Array.isArray(known)) return NONE;
  return known.filter((each) => typeof each === "string").reduce<Terminals>((now, session) => withNew(now, session), NONE);
}

/** Lines as Markdown that an agent reads, with a fence that nothing in them ends. */
export function quoted(title: string, lines: string): string {
  const longest = Math.max(2, ...[...lines.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return lines.trim() === "" ? `${title}\n` : `${title}\n\n${fence}\n${lines}\n${fence}\n`;
}
