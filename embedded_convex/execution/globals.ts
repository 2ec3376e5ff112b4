// What user code sees in place of the clock, chance, timers, fetch and console while a function runs.
import { RealDate } from "../clock.ts";
import { currentExecution, type Execution } from "./execution.ts";

function transactional(): Execution | undefined {
  const execution = currentExecution();
  return execution?.isTransactional ? execution : undefined;
}

function nowMs(): number {
  return transactional()?.startMs ?? RealDate.now();
}

/** In queries and mutations time stands still and these names refuse to work, as in Convex. */
export function installGlobals(): void {
  const target = globalThis as unknown as Record<string, unknown>;
  target["Date"] = new Proxy(RealDate, {
    construct: (real, args: unknown[], newTarget) =>
      Reflect.construct(real, args.length === 0 ? [nowMs()] : args, newTarget === target["Date"] ? real : newTarget) as object,
    apply: () => new RealDate(nowMs()).toString(),
    get: (real, name) => (name === "now" ? nowMs : (Reflect.get(real, name) as unknown)),
  });
  const realRandom = Math.random;
  Math.random = () => transactional()?.random() ?? realRandom();
  for (const name of ["fetch", "setTimeout", "setInterval", "setImmediate"]) {
    const real = target[name] as (...args: unknown[]) => unknown;
    target[name] = Object.assign((...args: unknown[]) => {
      if (transactional() !== undefined) {
        throw new Error(
          `Can't use ${name}() in queries and mutations. Please consider using an action. ` +
            "See https://docs.convex.dev/functions/actions for more details.",
        );
      }
      return real(...args);
    }, real);
  }
  installConsole();
}

const LEVELS = { log: "LOG", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", dir: "LOG" } as const;

/** Lines logged by functions go to their caller and to our stderr; stdout carries the ready line only. */
function installConsole(): void {
  for (const [method, level] of Object.entries(LEVELS) as [keyof typeof LEVELS, string][]) {
    const toStderr = console.error.bind(console);
    console[method] = (...values: unknown[]) => {
      const execution = currentExecution();
      if (execution === undefined) toStderr(...values);
      else toStderr(`${execution.path} ${execution.log(level, values)}`);
    };
  }
}
