// One at a time, in the order of asking.

export class Mutex {
  private readonly waiting: (() => void)[] = [];
  private isHeld = false;

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.isHeld) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.isHeld = true;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.isHeld = false;
      else next(); // stays held: the next one owns it now
    }
  }
}
