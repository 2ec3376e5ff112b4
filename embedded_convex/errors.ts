// What went wrong: the developer's or caller's fault (said to them), or a request that HTTP refuses.

/** A mistake in the code or data of the caller, worded as Convex words it. Its text goes to the client. */
export class DeveloperError extends Error {
  override name = "Error";
}

/** Refused before any function ran (arguments, unknown function): shown without "Uncaught". */
export class CallRefused extends Error {
  override name = "CallRefused";
}

/** What a client of the sync protocol has done wrong. It ends the session with a FatalError, after which official
 *  clients never come back: for faults of the server there is any other error. */
export class SessionRefused extends Error {
  override name = "SessionRefused";
}

/** An infrastructure answer of the HTTP API: `{code, message}` with a 4xx or 5xx status. */
export class HttpRefusal extends Error {
  override name = "HttpRefusal";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The folder, its schema or the data file cannot be served; the process stops with this text. */
export class StartRefused extends Error {
  override name = "StartRefused";
}

export function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Another process holds the data file. */
export class DataFileInUse extends StartRefused {
  constructor(file: string) {
    super(`the data file ${file} is in use by another process`);
  }
}
