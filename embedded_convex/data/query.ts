// Queries over a table: the index range they read, streams of documents, and pages.
import { createHash } from "node:crypto";
import type { JSONValue, Value } from "convex/values";
import { type Index, parseDocument, type Table } from "./catalog.ts";
import type { Row } from "./database.ts";
import { DeveloperError } from "../errors.ts";
import { type Filter, literalOf, passes } from "./filters.ts";
import { afterKey, afterPrefix, encodeKey, FIRST_KEY, LAST_KEY } from "../values/keys.ts";
import { LIMITS } from "./limits.ts";
import type { Range } from "./reads.ts";
import { searchRows, type SearchFilter } from "./search.ts";
import type { Transaction } from "./transaction.ts";

type RangeExpression = { type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte"; fieldPath: string; value: JSONValue };
type Source =
  | { type: "FullTableScan"; tableName: string; order: "asc" | "desc" | null }
  | { type: "IndexRange"; indexName: string; range: RangeExpression[]; order: "asc" | "desc" | null }
  | { type: "Search"; indexName: string; filters: SearchFilter[] };
export type Query = { source: Source; operators: ({ filter: Filter } | { limit: number })[] };

const FIRST_FETCH = 32;
const MAX_FETCH = 512;
const LONG_PAGE = 8192 * 0.75; // an array that a function returns has at most 8192 elements
const LONG_READ = 0.75; // of what a transaction may read

/** A range of one index in one direction; null where the table does not exist yet. */
type Scan = { table: Table; index: Index; range: Range; order: "asc" | "desc" } | null;

function scanOf(tx: Transaction, source: Exclude<Source, { type: "Search" }>): Scan {
  const order = source.order ?? "asc";
  if (source.type === "FullTableScan") {
    const table = tx.tableForRead(source.tableName);
    return table === null ? null : { table, index: table.byTime, range: { lower: FIRST_KEY, upper: LAST_KEY }, order };
  }
  const { table: tableName, index: indexName } = splitIndexName(source.indexName);
  const table = tx.tableForRead(tableName);
  if (table === null) {
    if (indexName === "by_id" || indexName === "by_creation_time") return null;
    throw new DeveloperError(`Index ${tableName}.${indexName} not found.`);
  }
  const index = indexName.startsWith("_") ? undefined : table.indexes.get(indexName);
  if (index === undefined) throw new DeveloperError(`Index ${tableName}.${indexName} not found.`);
  return { table, index, range: rangeOf(index, `${tableName}.${indexName}`, source.range), order };
}

function splitIndexName(name: string): { table: string; index: string } {
  const dot = name.indexOf(".");
  return { table: name.slice(0, dot), index: name.slice(dot + 1) };
}

/** The bytes that `.eq(…).eq(…).gt(…).lt(…)` stand for.
 *  @throws DeveloperError when the fields are not those of the index, in its order. */
function rangeOf(index: Index, name: string, expressions: readonly RangeExpression[]): Range {
  const equal: (Value | undefined)[] = [];
  let lower: RangeExpression | null = null;
  let upper: RangeExpression | null = null;
  for (const expression of expressions) {
    const expected = index.paths[equal.length]?.join(".");
    const bound = lower ?? upper;
    if (expression.fieldPath !== expected || (bound !== null && bound.fieldPath !== expression.fieldPath)) {
      throw new DeveloperError(wrongField(index, name, expressions, expression.fieldPath));
    }
    if (expression.type === "Eq") {
      if (bound !== null) throw new DeveloperError(`Index ${name}: \`.eq\` must come before \`.gt\` and \`.lt\``);
      equal.push(literalOf(expression.value));
    } else if (expression.type === "Gt" || expression.type === "Gte") {
      if (lower !== null) throw new DeveloperError(`Index ${name}: already defined a lower bound`);
      lower = expression;
    } else {
      if (upper !== null) throw new DeveloperError(`Index ${name}: already defined an upper bound`);
      upper = expression;
    }
  }
  const bytesOf = (bound: RangeExpression) => encodeKey([...equal, literalOf(bound.value)]);
  const prefix = encodeKey(equal);
  const past = (key: Buffer) => afterPrefix(key) ?? LAST_KEY;
  return {
    lower: lower === null ? prefix : lower.type === "Gt" ? past(bytesOf(lower)) : bytesOf(lower),
    upper: upper === null ? past(prefix) : upper.type === "Lte" ? past(bytesOf(upper)) : bytesOf(upper),
  };
}

function wrongField(index: Index, name: string, expressions: readonly RangeExpression[], field: string): string {
  const help = "For more information see https://docs.convex.dev/using/indexes.";
  const fields = index.paths.map((path) => path.join(".")).filter((path) => path !== "_id" || index.name === "by_id");
  const printed = JSON.stringify(fields).replaceAll(",", ", ");
  if (!fields.includes(field)) {
    return `The index range included a comparison with "${field}", but ${name} with fields ${printed} doesn't index this field. ${help}`;
  }
  const queried = JSON.stringify(expressions.map(({ fieldPath }) => fieldPath)).replaceAll(",", ", ");
  return (
    `Tried to query index ${name} but the query didn't use the index fields in order.\nIndex fields: ${printed}\n` +
    `Query fields: ${queried}\nFirst incorrect field: ${field}\n${help}`
  );
}

function isEmpty({ lower, upper }: Range): boolean {
  return Buffer.compare(lower, upper) >= 0;
}

// -- streams --------------------------------------------------------------------------------------

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

class ScanStream implements RowStream {
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

function passesAll(filters: readonly Filter[], row: Row): boolean {
  const document = parseDocument(row.body) as unknown as Value;
  return filters.every((filter) => passes(filter, document));
}

// -- pages ----------------------------------------------------------------------------------------

export type PageRequest = {
  query: Query;
  cursor: string | null;
  endCursor: string | null;
  pageSize: number;
  maximumRowsRead?: number | null;
  maximumBytesRead?: number | null;
};

export type Page = {
  bodies: string[];
  isDone: boolean;
  continueCursor: string;
  splitCursor: string | null;
  pageStatus: "SplitRecommended" | "SplitRequired" | null;
};

type Cursor = { key: Buffer } | "end";

const CURSOR = /^[\w-]{8}(_end|\.[\w-]*)$/;
const OTHER_CURSOR = "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor is from a different query.";
/** Makes it a ConvexError, by which clients know that they should start again. */
const OTHER_CURSOR_DATA = { isConvexSystemError: true, paginationError: "InvalidCursor" };

/** Cursors are opaque: which query they belong to, and the key of the last row read. */
class Cursors {
  private readonly fingerprint: string;

  constructor(query: Query) {
    this.fingerprint = createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 8);
  }

  print(cursor: Cursor): string {
    return this.fingerprint + (cursor === "end" ? "_end" : `.${cursor.key.toString("base64url")}`);
  }

  read(text: string): Cursor {
    if (typeof text !== "string" || !CURSOR.test(text)) throw new DeveloperError("Failed to parse cursor");
    if (!text.startsWith(this.fingerprint)) throw Object.assign(new DeveloperError(OTHER_CURSOR), { data: OTHER_CURSOR_DATA });
    const rest = text.slice(this.fingerprint.length);
    return rest === "_end" ? "end" : { key: Buffer.from(rest.slice(1), "base64url") };
  }
}

/** A page after `cursor`; up to `endCursor` exactly when it is given, else `pageSize` documents.
 *
 *  The page that meets the end is done: a full one does not look further. One that reaches the limits of the request
 *  is cut and says `SplitRequired`. */
export function readPage(tx: Transaction, request: PageRequest): Page {
  checkRequest(request);
  tx.usage.add("databaseQueries", 1);
  const { query } = request;
  const cursors = new Cursors(query);
  if (query.source.type === "Search") return readSearchPage(tx, request, cursors);
  const scan = scanOf(tx, query.source);
  if (scan === null) return emptyPage(cursors);
  const from = request.cursor === null ? null : cursors.read(request.cursor);
  const to = request.endCursor === null ? null : cursors.read(request.endCursor);
  if (from === "end") return emptyPage(cursors);
  const range = between(scan, from, to);
  const filters = query.operators.flatMap((operator) => ("filter" in operator ? [operator.filter] : []));
  const rows = new ScanStream(tx, scan, range, request.pageSize);
  return collectPage(tx, request, { cursors, rows, filters, to });
}

function checkRequest({ pageSize, maximumRowsRead, maximumBytesRead }: PageRequest): void {
  if (pageSize === 0) throw new DeveloperError("Must request at least 1 document while paginating");
  if (pageSize > LIMITS.documentsRead) throw new DeveloperError(`Requested too many items: ${pageSize}`);
  if (maximumRowsRead === 0 || maximumBytesRead === 0) {
    throw new DeveloperError("maximumRowsRead and maximumBytesRead must be greater than 0");
  }
}

function between({ range, order }: NonNullable<Scan>, from: { key: Buffer } | null, to: Cursor | null): Range {
  const cut = { ...range };
  if (order === "asc") {
    if (from !== null) cut.lower = afterKey(from.key);
    if (to !== null && to !== "end") cut.upper = afterKey(to.key);
  } else {
    if (from !== null) cut.upper = from.key;
    if (to !== null && to !== "end") cut.lower = to.key;
  }
  return cut;
}

type PageSource = { cursors: Cursors; rows: ScanStream; filters: Filter[]; to: Cursor | null };

function collectPage(tx: Transaction, request: PageRequest, { cursors, rows, filters, to }: PageSource): Page {
  const maxRows = request.maximumRowsRead ?? Number.POSITIVE_INFINITY;
  const maxBytes = request.maximumBytesRead ?? Number.POSITIVE_INFINITY;
  const keys: Buffer[] = [];
  const bodies: string[] = [];
  let bytes = 0;
  let end: Cursor = to ?? "end";
  let isCut = false;
  while (to !== null || bodies.length < request.pageSize) {
    const isSpent = keys.length >= maxRows || bytes >= maxBytes;
    if (to === null && isSpent) {
      isCut = true; // the row that is over the limit is still on the page, so that every page gets on
      break;
    }
    const row = rows.next();
    if (row === null) {
      end = to ?? "end";
      break;
    }
    keys.push(row.key);
    bytes += row.size;
    if (filters.length === 0 || passesAll(filters, row)) bodies.push(row.body);
    if (to === null) end = { key: row.key };
  }
  const isLong = bodies.length > LONG_PAGE || tx.usage.readShare > LONG_READ;
  const middle = keys.length > 2 ? keys[Math.floor(keys.length / 2)] : undefined;
  return {
    bodies,
    isDone: end === "end",
    continueCursor: cursors.print(end),
    splitCursor: middle === undefined ? null : cursors.print({ key: middle }),
    pageStatus: isCut ? "SplitRequired" : isLong ? "SplitRecommended" : null,
  };
}

function emptyPage(cursors: Cursors): Page {
  return { bodies: [], isDone: true, continueCursor: cursors.print("end"), splitCursor: null, pageStatus: null };
}

/** Search results have no keys: their cursor is how many came before. */
function readSearchPage(tx: Transaction, request: PageRequest, cursors: Cursors): Page {
  const source = request.query.source as Source & { type: "Search" };
  const position = (text: string | null): number | null => {
    if (text === null) return null;
    const cursor = cursors.read(text);
    return cursor === "end" ? Number.MAX_SAFE_INTEGER : Number(cursor.key.toString());
  };
  const filters = request.query.operators.flatMap((operator) => ("filter" in operator ? [operator.filter] : []));
  const rows = searchRows(tx, source.indexName, source.filters).filter((row) => filters.length === 0 || passesAll(filters, row));
  const from = Math.min(position(request.cursor) ?? 0, rows.length);
  const to = Math.min(position(request.endCursor) ?? from + request.pageSize, rows.length);
  const isDone = to >= rows.length;
  return {
    bodies: rows.slice(from, to).map((row) => row.body),
    isDone,
    continueCursor: cursors.print(isDone ? "end" : { key: Buffer.from(String(to)) }),
    splitCursor: null,
    pageStatus: null,
  };
}
