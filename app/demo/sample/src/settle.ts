import type { Balance } from "./ledger.ts";
import type { Cents } from "./money.ts";

export interface Payment {
  from: string;
  to: string;
  amount: Cents;
}

/** Pairs the largest debt with the largest credit until everybody is even: at most n - 1 payments. */
export function settle(balances: Balance[]): Payment[] {
  const open = balances.map(({ name, paid, used }) => ({ name, amount: paid - used }));
  const payments: Payment[] = [];
  for (;;) {
    open.sort((a, b) => a.amount - b.amount);
    const debtor = open[0];
    const creditor = open.at(-1);
    if (!debtor || !creditor || debtor.amount >= 0 || creditor.amount <= 0) return payments;
    const amount = Math.min(-debtor.amount, creditor.amount);
    debtor.amount += amount;
    creditor.amount -= amount;
    payments.push({ from: debtor.name, to: creditor.name, amount });
  }
}
