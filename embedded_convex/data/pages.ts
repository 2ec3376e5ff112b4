// A query page by page, and the cursors that say where the next one begins.
import { createHash } from "node:crypto";
import { DeveloperError } from "../errors.ts";
import { afterKey } from "../values/keys.ts";
import type { Filter } from "./filters.ts";
import { LIMITS } from "./limits.ts";
import type { Range } from "./reads.ts";
import { type Scan, scanOf, type Source } from "./scans.ts";
import { searchRows } from "./search.ts";
import { passesAll, type Query, ScanStream } from "./streams.ts";
import type { Transaction } from "./transaction.ts";

const LONG_PAGE = 8192 * 0.75; // an array that a function returns has at most 8192 elements
const LONG_READ = 0.75; // of what a transaction may read

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
