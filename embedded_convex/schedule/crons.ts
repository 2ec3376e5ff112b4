// Crons of crons.ts: when each is next due is persisted; one that is still running is not started again.
import { NOBODY } from "../access/auth.ts";
import { realClearTimeout, realSetTimeout, wallMs } from "../clock.ts";
import { intervalMs, nextTick } from "./cron_schedule.ts";
import { messageOf } from "../errors.ts";
import { newRequest, runOutside } from "../execution/execution.ts";
import type { CronSpec } from "../code/functions.ts";
import type { Runner } from "../execution/runner.ts";

const MAX_TIMER_MS = 2 ** 31 - 1;

type Row = { name: string; spec: string; next_ms: number };

export class Crons {
  private readonly runner: Runner;
  private timer: NodeJS.Timeout | undefined;
  private readonly running = new Map<string, Promise<void>>();
  private isStopped = true;

  constructor(runner: Runner) {
    this.runner = runner;
  }

  /** Take over the crons of the deployment. One that is new, or has changed, starts afresh: an interval runs at once.
   *  @throws StartRefused for a schedule that is not one. */
  async adopt(): Promise<void> {
    const { crons } = this.runner.deployment;
    const now = wallMs();
    for (const [name, cron] of crons) nextTick(name, cron.schedule, now);
    await this.runner.lock.run(() => {
      const { sql } = this.runner.db;
      const known = new Map((sql.prepare("SELECT name, spec, next_ms FROM crons").all() as Row[]).map((row) => [row.name, row]));
      for (const name of known.keys()) if (!crons.has(name)) sql.prepare("DELETE FROM crons WHERE name = ?").run(name);
      for (const [name, cron] of crons) {
        const spec = JSON.stringify(cron);
        if (known.get(name)?.spec === spec) continue;
        const next = cron.schedule["type"] === "interval" ? now : nextTick(name, cron.schedule, now);
        sql.prepare("INSERT OR REPLACE INTO crons (name, spec, next_ms) VALUES (?, ?, ?)").run(name, spec, Math.floor(next));
      }
      return Promise.resolve();
    });
    this.isStopped = false;
    this.arm();
  }

  private arm(): void {
    realClearTimeout(this.timer);
    if (this.isStopped) return;
    const { next } = this.runner.db.sql.prepare("SELECT min(next_ms) AS next FROM crons").get() as { next: number | null };
    if (next === null) return;
    this.timer = realSetTimeout(() => void this.tick(), Math.min(Math.max(0, next - wallMs()), MAX_TIMER_MS));
  }

  private async tick(): Promise<void> {
    const due = await this.runner.lock.run(() => Promise.resolve(this.takeDue(wallMs())));
    for (const [name, cron] of due) {
      if (this.running.has(name)) {
        console.error(`cron ${name} is still running: this tick is skipped`);
        continue;
      }
      const run = runOutside(() => this.run(name, cron)).finally(() => this.running.delete(name));
      this.running.set(name, run);
    }
    this.arm();
  }

  /** Move the due crons to their next tick, before they run: a crash skips a tick, it does not repeat one. */
  private takeDue(now: number): [string, CronSpec][] {
    if (this.isStopped) return [];
    const { sql } = this.runner.db;
    const rows = sql.prepare("SELECT name, spec, next_ms FROM crons WHERE next_ms <= ?").all(now) as Row[];
    return rows.map(({ name, spec, next_ms }) => {
      const cron = JSON.parse(spec) as CronSpec;
      const { schedule } = cron;
      const missed = schedule["type"] === "interval" ? Math.floor((now - next_ms) / intervalMs(schedule)) : 0;
      const from = schedule["type"] === "interval" ? next_ms + missed * intervalMs(schedule) : now;
      sql.prepare("UPDATE crons SET next_ms = ? WHERE name = ?").run(Math.floor(nextTick(name, schedule, from)), name);
      return [name, cron];
    });
  }

  private async run(name: string, cron: CronSpec): Promise<void> {
    try {
      const outcome = await this.runner.any({
        path: cron.name,
        args: cron.args,
        identity: NOBODY,
        request: newRequest(),
        mayCallInternal: true,
      });
      if (!outcome.ok) console.error(`cron ${name} failed: ${outcome.message}`);
    } catch (error) {
      console.error(`cron ${name} failed: ${messageOf(error)}`);
    }
  }

  stop(): void {
    this.isStopped = true;
    realClearTimeout(this.timer);
  }
}
