// The machine's clock and timers, taken before user code can see its own versions of them.
const RealDate = Date;
const realSetTimeout = globalThis.setTimeout;
const realSetImmediate = globalThis.setImmediate;
const realClearTimeout = globalThis.clearTimeout;

/** Milliseconds since 1970. */
export function wallMs(): number {
  return RealDate.now();
}

export { RealDate, realClearTimeout, realSetImmediate, realSetTimeout };
