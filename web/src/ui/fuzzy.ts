// How well a text fits what somebody has typed of it. Pure.

/**
 * Null: the letters are not all there in this order. Else higher is better: letters in a row, at the beginning of a word and in
 * the last name of a path count, length counts against it.
 */
export function fits(typed: string, text: string): number | null {
  const [wanted, hay] = [typed.toLowerCase().replaceAll(" ", ""), text.toLowerCase()];
  const name = hay.lastIndexOf("/") + 1;
  const inName = scoreFrom(wanted, hay, name);
  return inName === null ? scoreFrom(wanted, hay, 0) : inName + 20;
}

function scoreFrom(wanted: string, hay: string, from: number): number | null {
  const whole = hay.indexOf(wanted, from);
  let score = whole < 0 ? 0 : 30;
  let at = whole < 0 ? from : whole;
  let last = -2;
  for (const letter of wanted) {
    at = hay.indexOf(letter, at);
    if (at < 0) return null;
    if (at === last + 1) score += 4;
    if (at === 0 || !isLetter(hay.charCodeAt(at - 1))) score += 6;
    last = at;
    at += 1;
  }
  return score - hay.length / 20;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code > 127;
}

/** Those that fit, best first, `most` of them; all in their order where nothing is typed. */
export function bestOf<Item>(typed: string, items: readonly Item[], textOf: (item: Item) => string, most: number): Item[] {
  if (typed.trim() === "") return items.slice(0, most);
  const found: { item: Item; score: number }[] = [];
  for (const item of items) {
    const score = fits(typed, textOf(item));
    if (score !== null) found.push({ item, score });
  }
  return found
    .toSorted((a, b) => b.score - a.score)
    .slice(0, most)
    .map(({ item }) => item);
}
