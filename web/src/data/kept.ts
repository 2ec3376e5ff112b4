// What was shown of things that change no more, so that they are there at once when somebody scrolls back to them.

/** At most `most` values; the one that was put in first makes way. */
export class Kept<Value> {
  private readonly values = new Map<string, Value>();
  private readonly most: number;
  constructor(most: number) {
    this.most = most;
  }
  get(key: string): Value | undefined {
    return this.values.get(key);
  }
  /** The value, which is kept from now on. */
  put(key: string, value: Value): Value {
    this.values.delete(key);
    this.values.set(key, value);
    const oldest = this.values.keys().next();
    if (this.values.size > this.most && oldest.done !== true) this.values.delete(oldest.value);
    return value;
  }
}
