// What an execution has read, as precise index ranges, so that a write can tell whom it concerns.
import type { Touched } from "./database.ts";

/** Part of an index, [lower, upper). A stream moves its bounds as it is consumed. */
export type Range = { lower: Uint8Array; upper: Uint8Array };

type IndexReads = { points: Set<string>; ranges: Range[] };

export class ReadSet {
  private readonly indexes = new Map<number, IndexReads>();

  get touchedIndexes(): Iterable<number> {
    return this.indexes.keys();
  }

  private on(index: number): IndexReads {
    let reads = this.indexes.get(index);
    if (reads === undefined) {
      reads = { points: new Set(), ranges: [] };
      this.indexes.set(index, reads);
    }
    return reads;
  }

  point(index: number, key: Buffer): void {
    this.on(index).points.add(key.toString("latin1"));
  }

  range(index: number, range: Range): void {
    this.on(index).ranges.push(range);
  }

  isHitBy({ index, key }: Touched): boolean {
    const reads = this.indexes.get(index);
    if (reads === undefined) return false;
    if (reads.points.size > 0 && reads.points.has(key.toString("latin1"))) return true;
    for (const { lower, upper } of reads.ranges) {
      if (Buffer.compare(key, lower) >= 0 && Buffer.compare(key, upper) < 0) return true;
    }
    return false;
  }
}
