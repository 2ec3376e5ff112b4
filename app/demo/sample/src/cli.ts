#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { balances, parseLedger } from "./ledger.ts";
import { formatAmount } from "./money.ts";
import { settle } from "./settle.ts";

const [command, file] = process.argv.slice(2);
if (!file || (command !== "report" && command !== "settle")) {
  console.error("usage: pocket-ledger report|settle FILE");
  process.exit(2);
}
const rows = balances(parseLedger(readFileSync(file, "utf8")));
if (command === "report") {
  for (const { name, paid, used } of rows) {
    console.log(`${name.padEnd(12)} paid ${formatAmount(paid).padStart(9)}  used ${formatAmount(used).padStart(9)}`);
  }
} else {
  for (const { from, to, amount } of settle(rows)) console.log(`${from} pays ${to} ${formatAmount(amount)}`);
}
