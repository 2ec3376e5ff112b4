import assert from "node:assert/strict";
import { test } from "node:test";
import { balances, parseLedger } from "../src/ledger.ts";
import { formatAmount, parseAmount } from "../src/money.ts";
import { settle } from "../src/settle.ts";

test("amounts are read and written without loss", () => {
  for (const text of ["0.00", "0.05", "9.99", "1200.50"]) assert.equal(formatAmount(parseAmount(text)), text);
});

test("an even expense leaves everybody even after settling", () => {
  const rows = balances(parseLedger("2026-03-01 Ana 30.00 dinner Ana,Ben,Cy"));
  assert.deepEqual(settle(rows), [
    { from: "Ben", to: "Ana", amount: 1000 },
    { from: "Cy", to: "Ana", amount: 1000 },
  ]);
});
