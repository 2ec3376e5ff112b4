/** Amounts are whole cents: floating point never touches a balance. */
export type Cents = number;

export function parseAmount(text: string): Cents {
  const match = /^(\d+)(?:\.(\d{1,2}))?$/.exec(text);
  if (!match) throw new RangeError(`not an amount: ${text}`);
  const [, whole = "0", fraction = ""] = match;
  return Number(whole) * 100 + Number(fraction.padEnd(2, "0"));
}

export function formatAmount(cents: Cents): string {
  const sign = cents < 0 ? "-" : "";
  const absolute = Math.abs(cents);
  return `${sign}${Math.floor(absolute / 100)}.${String(absolute % 100).padStart(2, "0")}`;
}

/** Splits an amount evenly over a number of people. */
export function split(amount: Cents, people: number): Cents[] {
  if (people < 1) throw new RangeError("an expense needs somebody to share it");
  const share = Math.round(amount / people);
  return Array.from({ length: people }, () => share);
}
