// How much one transaction may read, write and schedule; counted across nested calls.
import { DeveloperError } from "../errors.ts";

const MIB = 1 << 20;
const HELP =
  "Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a " +
  "selective index range expressions.";

export const LIMITS = {
  bytesRead: 16 * MIB,
  bytesWritten: 16 * MIB,
  databaseQueries: 4096,
  documentsRead: 32_000,
  documentsWritten: 16_000,
  functionsScheduled: 1000,
  scheduledFunctionArgsBytes: 16 * MIB,
};

export type Metric = keyof typeof LIMITS;

const MESSAGES: Record<Metric, (limit: number) => string> = {
  bytesRead: (limit) => `Too many bytes read in a single function execution (limit: ${limit} bytes). ${HELP}`,
  bytesWritten: (limit) => `Too many bytes written in a single function execution (limit: ${limit} bytes)`,
  databaseQueries: (limit) => `Too many reads in a single function execution (limit: ${limit}). ${HELP}`,
  documentsRead: (limit) => `Too many documents read in a single function execution (limit: ${limit}). ${HELP}`,
  documentsWritten: (limit) => `Too many writes in a single function execution (limit: ${limit})`,
  functionsScheduled: (limit) => `Too many functions scheduled by this mutation (limit: ${limit})`,
  scheduledFunctionArgsBytes: (limit) =>
    `Too large total size of the arguments of scheduled functions from this mutation (limit: ${limit} bytes)`,
};

export class Usage {
  readonly used: Record<Metric, number> = {
    bytesRead: 0,
    bytesWritten: 0,
    databaseQueries: 0,
    documentsRead: 0,
    documentsWritten: 0,
    functionsScheduled: 0,
    scheduledFunctionArgsBytes: 0,
  };

  /** @throws DeveloperError above the limit of the metric. */
  add(metric: Metric, amount: number): void {
    const used = this.used[metric] + amount;
    this.used[metric] = used;
    if (used > LIMITS[metric]) throw new DeveloperError(MESSAGES[metric](LIMITS[metric]));
  }

  read(bytes: number): void {
    this.add("documentsRead", 1);
    this.add("bytesRead", bytes);
  }

  wrote(bytes: number): void {
    this.add("documentsWritten", 1);
    this.add("bytesWritten", bytes);
  }

  /** How near the read limits are, 1 being at one of them. */
  get readShare(): number {
    const { bytesRead, documentsRead } = this.used;
    return Math.max(bytesRead / LIMITS.bytesRead, documentsRead / LIMITS.documentsRead);
  }
}
