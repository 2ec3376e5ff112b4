// Waiting for what must become true, with a deadline.
const STEP_MS = 5;

/** The first result of `look` that `isEnough` accepts; fails with the last one after `withinMs`. */
export async function eventually<T>(look: () => T | Promise<T>, isEnough: (found: T) => boolean, withinMs = 5000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (isEnough(found)) return found;
    if (performance.now() > end) throw new Error(`still ${JSON.stringify(found)} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
