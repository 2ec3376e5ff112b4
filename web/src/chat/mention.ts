// `@` and some letters in a message: a file that is to be attached. Pure.

export interface Mention {
  readonly from: number; // of the `@`
  readonly typed: string; // after it
}

/** The mention that the cursor is in; null: in none. */
export function mentionAt(text: string, cursor: number): Mention | null {
  const found = /(?:^|\s)@([^\s@]*)$/.exec(text.slice(0, cursor));
  const [, typed] = found ?? [];
  return typed === undefined ? null : { from: cursor - typed.length - 1, typed };
}

/** The text without the mention, which is attached instead; its place is where the cursor goes. */
export function withoutMention(text: string, { from, typed }: Mention): string {
  return text.slice(0, from) + text.slice(from + typed.length + 1);
}
