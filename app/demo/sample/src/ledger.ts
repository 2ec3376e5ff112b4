import { parseAmount, split, type Cents } from "./money.ts";

export interface Expense {
  date: string;
  payer: string;
  amount: Cents;
  what: string;
  sharedBy: string[];
}

export interface Balance {
  name: string;
  paid: Cents;
  used: Cents;
}

export function parseLedger(text: string): Expense[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(parseLine);
}

function parseLine(line: string): Expense {
  const [date, payer, amount, what, people] = line.split(/\s+/);
  if (!date || !payer || !amount || !what || !people) throw new SyntaxError(`incomplete line: ${line}`);
  return { date, payer, amount: parseAmount(amount), what, sharedBy: people.split(",") };
}

export function balances(expenses: Expense[]): Balance[] {
  const byName = new Map<string, Balance>();
  const of = (name: string): Balance => {
    const known = byName.get(name) ?? { name, paid: 0, used: 0 };
    byName.set(name, known);
    return known;
  };
  for (const expense of expenses) {
    of(expense.payer).paid += expense.amount;
    const shares = split(expense.amount, expense.sharedBy.length);
    expense.sharedBy.forEach((name, index) => {
      of(name).used += shares[index] ?? 0;
    });
  }
  return [...byName.values()].sort((a, b) => a.name.localeCompare(b.name));
}
