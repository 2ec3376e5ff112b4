// The other thread: counts its own ticks in which the server's thread did not beat, and ends the process at the limit.
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { SHARED, type WatchdogData } from "./watchdog.ts";

const { shared, limitBeats, beatMs } = workerData as WatchdogData;
const numbers = new Int32Array(shared);
const names: string[] = [];
let lastBeat = -1;
let silent = 0;

parentPort?.on("message", (path: string) => names.push(path));
// Ticks are counted, not time: a process that was stopped and goes on is not late.
setInterval(() => {
  const beat = Atomics.load(numbers, SHARED.beats);
  silent = beat === lastBeat ? silent + 1 : 0;
  lastBeat = beat;
  if (silent <= limitBeats) return;
  const name = names[Atomics.load(numbers, SHARED.function) - 1] ?? "the server itself";
  writeSync(2, `${name} has kept the thread busy for ${limitBeats} s: the process ends. Does it loop for ever?\n`);
  process.kill(process.pid, "SIGKILL");
}, beatMs);
