// The rows of a query, one at a time.
import type { Value } from "convex/values";
import { afterKey } from "../values/keys.ts";
import { parseDocument } from "./catalog.ts";
import type { Row } from "./database.ts";
import { type Filter, passes } from "./filters.ts";
import type { Range } from "./reads.ts";
import { isEmpty, type Scan, scanOf, type Source } from "./scans.ts";
import { searchRows } from "./search.ts";
import type { Transaction } from "./transaction.ts";

export type Query = { source: Source; operators: ({ filter: Filter } | { limit: number })[] };

const FIRST_FETCH = 32;
const MAX_FETCH = 512;

/** Rows of a query, one at a time; what it has read so far is in the transaction's read set. */
export interface RowStream {
  /** The next row that passes the query's operators, or null at the end. */
  next(): Row | null;
}

export function openStream(tx: Transaction, query: Query): RowStream {
  tx.usage.add("databaseQueries", 1);
  const { source } = query;
  if (source.type === "Search") {
    const rows = searchRows(tx, source.indexName, source.filters);
    return new OperatorStream({ next: () => rows.shift() ?? null }, query.operators);
  }
  const scan = scanOf(tx, source);
  if (scan === null) return { next: () => null };
  const limit = query.operators.length === 1 && query.operators[0] !== undefined ? query.operators[0] : null;
  const hint = limit !== null && "limit" in limit ? limit.limit : FIRST_FETCH;
  return new OperatorStream(new ScanStream(tx, scan, scan.range, hint), query.operators);
}

export class ScanStream implements RowStream {
  private readonly tx: Transaction;
  private readonly scan: NonNullable<Scan>;
  /** What is left to read. */
  private readonly rest: Range;
  /** What has been read: grows from the side where the scan starts. */
  private readonly read: Range;
  private fetched: Row[] = [];
  private at = 0;
  private isLastFetch = false;
  private fetchSize: number;
  private writesSeen = -1;

  constructor(tx: Transaction, scan: NonNullable<Scan>, range: Range, firstFetch: number) {
    this.tx = tx;
    this.scan = scan;
    this.rest = { ...range };
    this.read = scan.order === "asc" ? { lower: range.lower, upper: range.lower } : { lower: range.upper, upper: range.upper };
    this.fetchSize = Math.max(1, Math.min(firstFetch, MAX_FETCH));
    tx.reads.range(scan.index.id, this.read);
  }

  next(): Row | null {
    if (this.writesSeen !== this.tx.writes) this.forget();
    if (this.at >= this.fetched.length) {
      if (this.isLastFetch || isEmpty(this.rest)) return this.end();
      this.fetch();
      if (this.fetched.length === 0) return this.end();
    }
    const row = this.fetched[this.at++] as Row;
    this.advance(row);
    this.tx.usage.read(row.size);
    return row;
  }

  /** What was fetched ahead may have changed by the transaction's own writes. */
  private forget(): void {
    this.fetched = [];
    this.at = 0;
    this.isLastFetch = false;
    this.writesSeen = this.tx.writes;
  }

  private fetch(): void {
    this.fetched = this.tx.db.range(this.scan.index.id, this.rest, this.scan.order, this.fetchSize);
    this.at = 0;
    this.isLastFetch = this.fetched.length < this.fetchSize;
    this.fetchSize = Math.min(this.fetchSize * 2, MAX_FETCH);
  }

  private advance(row: Row): void {
    if (this.scan.order === "asc") {
      this.rest.lower = afterKey(row.key);
      this.read.upper = this.rest.lower;
    } else {
      this.rest.upper = row.key;
      this.read.lower = row.key;
    }
  }

  private end(): null {
    if (this.scan.order === "asc") this.read.upper = this.rest.upper;
    else this.read.lower = this.rest.lower;
    return null;
  }
}

class OperatorStream implements RowStream {
  private readonly rows: RowStream;
  private readonly filters: Filter[] = [];
  private left = Number.POSITIVE_INFINITY;

  constructor(rows: RowStream, operators: Query["operators"]) {
    this.rows = rows;
    for (const operator of operators) {
      if ("limit" in operator) this.left = Math.min(this.left, operator.limit);
      else this.filters.push(operator.filter);
    }
  }

  next(): Row | null {
    if (this.left <= 0) return null;
    for (;;) {
      const row = this.rows.next();
      if (row === null) return null;
      if (this.filters.length > 0 && !passesAll(this.filters, row)) continue;
      this.left--;
      return row;
    }
  }
}

export function passesAll(filters: readonly Filter[], row: Row): boolean {
  const document = parseDocument(row.body) as unknown as Value;
  return filters.every((filter) => passes(filter, document));
}
