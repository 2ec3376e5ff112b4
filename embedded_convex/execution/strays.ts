// Errors that no caller can catch: thrown in a callback, or rejected with nobody listening. They end the function that
// they come from, while it runs, and nothing else.
import { stackOf } from "../errors.ts";
import { currentExecution, runOutside } from "./execution.ts";

/** Node keeps the context in which a callback was made, also for these two events: so the function is known. */
export function installStrayHandlers(): void {
  process.on("uncaughtException", (error) => stray("uncaught exception", error));
  process.on("unhandledRejection", (reason) => stray("unhandled rejection", reason));
}

function stray(what: string, error: unknown): void {
  const execution = currentExecution();
  const where = execution === undefined ? "" : ` in ${execution.path}`;
  runOutside(() => console.error(`${what}${where}: ${stackOf(error)}`));
  execution?.end(error);
}

/** Inside a function these end the function: the process is everybody's. */
export function installProcessGuards(): void {
  const realExit = process.exit.bind(process);
  const realAbort = process.abort.bind(process);
  const realKill = process.kill.bind(process);
  process.exit = (code) => endFunction(`process.exit(${code ?? ""})`) ?? realExit(code);
  process.abort = () => endFunction("process.abort()") ?? realAbort();
  process.kill = (pid, signal) => (pid === process.pid ? endFunction("process.kill(process.pid)") : null) ?? realKill(pid, signal);
}

/** Null outside of a function. */
function endFunction(call: string): null {
  const execution = currentExecution();
  if (execution === undefined) return null;
  const error = new Error(`${call} was called: a function cannot end the server`);
  execution.end(error);
  throw error;
}
