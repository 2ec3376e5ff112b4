// Answers to mutations, kept so that one that is sent again after a lost connection runs once.
import type { StatementSync } from "node:sqlite";
import { wallMs } from "../clock.ts";
import type { Database } from "../data/database.ts";
import type { Outcome } from "./outcome.ts";

/** Names a mutation across reconnects, so that it runs once. */
export type RequestKey = { session: string; request: number };

const MAX_KEPT = 100_000;

export class Replies {
  private readonly db: Database;
  private readonly find: StatementSync;
  private readonly add: StatementSync;

  constructor(db: Database) {
    this.db = db;
    this.find = db.sql.prepare("SELECT reply FROM requests WHERE session = ? AND request = ?");
    this.add = db.sql.prepare("INSERT INTO requests (session, request, at_ms, reply) VALUES (?, ?, ?, ?)");
  }

  to({ session, request }: RequestKey): Outcome | null {
    const row = this.find.get(session, request) as { reply: string } | undefined;
    if (row === undefined) return null;
    const { value, ts, logLines } = JSON.parse(row.reply) as { value: string; ts: string; logLines: string[] };
    return { ok: true, value, ts: BigInt(ts), logLines };
  }

  /** In the transaction of the mutation. */
  keep({ session, request }: RequestKey, outcome: Outcome & { ok: true }): void {
    const reply = JSON.stringify({ value: outcome.value, ts: outcome.ts.toString(), logLines: outcome.logLines });
    this.add.run(session, request, Math.floor(wallMs()), reply);
  }

  /** Forget answers to mutations that nobody can be resending any more: those given before `oldMs`, and beyond a
   *  bound also younger ones, but none given after `recentMs`. */
  forget(oldMs: number, recentMs: number): void {
    const { sql } = this.db;
    const bound = sql.prepare("SELECT at_ms FROM requests ORDER BY at_ms DESC LIMIT 1 OFFSET ?").get(MAX_KEPT) as
      | { at_ms: number }
      | undefined;
    const before = Math.max(oldMs, Math.min(bound?.at_ms ?? 0, recentMs));
    sql.prepare("DELETE FROM requests WHERE at_ms < ?").run(Math.floor(before));
  }
}
