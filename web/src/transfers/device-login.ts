// Connecting an account at GitHub by a code that the person types in there, on this device or another.
import { type Api, ApiProblem } from "../data/api.ts";

export interface Begun {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresAt: number;
  readonly intervalS: number;
  readonly device: string;
}

interface Polled {
  readonly status: "pending" | "connected";
  readonly intervalS?: number;
}

/** Begins, shows the code, and asks as often as the server says until it is typed in. Raises what went wrong, in words. */
export async function connectByCode(http: Api, show: (begun: Begun) => void, signal: AbortSignal): Promise<void> {
  const begun = await http.call<Begun>("POST", "/github/connect/device", undefined, signal);
  show(begun);
  let { intervalS } = begun;
  while (Date.now() < begun.expiresAt) {
    await pause(intervalS, signal);
    const said = await polled(http, begun.device, signal);
    if (said.status === "connected") return;
    intervalS = said.intervalS ?? intervalS;
  }
  throw new Error("The code has run out. Ask for a new one.");
}

/** Whoever does not answer now is asked again: the code holds on. */
async function polled(http: Api, device: string, signal: AbortSignal): Promise<Polled> {
  try {
    return await http.call<Polled>("POST", "/github/connect/device/poll", { device }, signal);
  } catch (error) {
    const mayPass = error instanceof ApiProblem && (error.status === 0 || error.status === 429 || error.status >= 500);
    if (signal.aborted || !mayPass) throw error;
    return { status: "pending" };
  }
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await new Promise((done) => setTimeout(done, seconds * 1000));
  signal.throwIfAborted();
}
