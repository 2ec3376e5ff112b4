// What starts a job, holds it back and ends it, in sentences. Pure.
import type { Job } from "./jobs-wire.ts";
import { duration } from "./words.ts";

type Given = Readonly<Record<string, unknown>>;

/** What starts it; each with its condition. */
export function triggerWords({ events }: Job): readonly string[] {
  return events.map(({ event, when }) => (when === undefined ? event : `${event} when ${when}`));
}

/** Everything that bounds or delays its runs. */
export function flowWords({ concurrency, flow }: Job): readonly string[] {
  const limits = concurrency.map(({ limit, key, scope, counts }) => {
    const where = scope === "fn" ? "" : ` over all jobs of ${scope}`;
    return `${limit} ${limit === 1 ? counts.replace(/s$/, "") : counts} at a time${per(key)}${where}`;
  });
  return [...limits, ...Object.entries(flow).map(([word, given]) => (FLOW[word] ?? plain(word))(given))];
}

const FLOW: Readonly<Record<string, (given: unknown) => string>> = {
  throttle(given) {
    const { limit, periodS, burst, key } = fields(given);
    const more = typeof burst === "number" && burst > 1 ? `, ${burst} at once` : "";
    return `starts at most ${String(limit)} every ${time(periodS)}${per(key)}${more}; more wait their turn`;
  },
  rateLimit(given) {
    const { limit, periodS, key } = fields(given);
    return `at most ${String(limit)} every ${time(periodS)}${per(key)}; events beyond that start nothing`;
  },
  debounce(given) {
    const { periodS, timeoutS, key } = fields(given);
    const most = timeoutS === undefined ? "" : `, ${time(timeoutS)} at most`;
    return `waits until nothing has come for ${time(periodS)}${most}${per(key)}; the last event counts`;
  },
  batch(given) {
    const { maxSize, timeoutS, key, when } = fields(given);
    const which = when === undefined ? "" : ` of those with ${String(when)}`;
    return `one run for up to ${String(maxSize)} events${which}, or what came within ${time(timeoutS)}${per(key)}`;
  },
  singleton(given) {
    const { mode, key } = fields(given);
    const meanwhile = mode === "cancel" ? "a new one cancels the one that runs" : "others are skipped meanwhile";
    return `one run at a time${per(key)}; ${meanwhile}`;
  },
  timeouts(given) {
    const { startS, finishS } = fields(given);
    const parts = [
      startS === undefined ? "" : `not started within ${time(startS)}`,
      finishS === undefined ? "" : `not over within ${time(finishS)}`,
    ];
    return `cancelled where ${parts.filter(Boolean).join(" or ")}`;
  },
  priority: (given) => `goes ahead of others by ${String(given)} seconds`,
  idempotency: (given) => `one run in 24 hours for each ${String(given)}`,
  fairness: (given) => `runs take turns by ${String(given)}`,
};

function plain(word: string): (given: unknown) => string {
  return (given) => `${word}: ${JSON.stringify(given)}`;
}

function fields(given: unknown): Given {
  return typeof given === "object" && given !== null ? (given as Given) : {};
}

function time(seconds: unknown): string {
  return typeof seconds === "number" ? duration(seconds * 1_000) : String(seconds);
}

function per(key: unknown): string {
  return typeof key === "string" ? ` for each ${key}` : "";
}

export function retryWords({ retries, handlesFailure }: Job): string {
  const times = ["a step is tried once", "a step is tried twice"][retries] ?? `a step is tried ${retries + 1} times`;
  return handlesFailure ? `${times}; its own code handles the failure then` : times;
}

/** What cancels a run of it. */
export function cancelWords({ cancelOn }: Job): readonly string[] {
  return cancelOn.map(({ event, match, when, timeoutS }) => {
    const same = match === undefined ? "" : ` with the same ${match}`;
    const only = when === undefined ? "" : ` when ${when}`;
    return `${event}${same}${only}${timeoutS === undefined ? "" : `, within ${time(timeoutS)}`}`;
  });
}
