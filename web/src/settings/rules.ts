// The rules for approvals, as they are typed. Pure.

export interface Rule {
  readonly tool: string;
  readonly pattern: string; // empty: every call of the tool
  readonly policy: "ask" | "allow" | "deny";
}

interface Kept {
  readonly tool: string;
  readonly pattern?: string | undefined;
  readonly policy: Rule["policy"];
}

export function typedOf(rules: readonly Kept[] = []): readonly Rule[] {
  return rules.map(({ tool, pattern = "", policy }) => ({ tool, pattern, policy }));
}

/** What is kept of them: an empty pattern is none. */
export function keptOf(rules: readonly Rule[]): Kept[] {
  return rules.map(({ tool, pattern, policy }) => ({ tool: tool.trim(), policy, ...(pattern.trim() === "" ? {} : { pattern }) }));
}

/** The draft, with what somebody said “always” to since it was begun before it: that is where it was put. */
export function withNew(draft: readonly Rule[], base: readonly Rule[], stored: readonly Rule[]): readonly Rule[] {
  const known = new Set([...base, ...draft].map((rule) => JSON.stringify(rule)));
  return [...stored.filter((rule) => !known.has(JSON.stringify(rule))), ...draft];
}

/** The rule at `from` goes one place up. */
export function movedUp(rules: readonly Rule[], from: number): readonly Rule[] {
  const [rule, above] = [rules[from], rules[from - 1]];
  if (rule === undefined || above === undefined) return rules;
  return rules.with(from - 1, rule).with(from, above);
}
