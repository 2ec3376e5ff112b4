// Pages of a list that grows at its top while somebody reads further down. Pure.

/** A list of the API: its name, of the route and of its rows in the answer, and what puts rows in order, newest first. */
export interface List<Row> {
  readonly name: string;
  readonly idOf: (row: Row) => string;
  readonly atOf: (row: Row) => number;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor?: string | undefined;
}

export interface Known<Row> {
  readonly rows: readonly Row[];
  readonly next?: string | undefined; // where older ones begin
}

/** The newest page, read again, before what is known of older rows. */
export function withNewest<Row>({ idOf, atOf }: List<Row>, { rows, nextCursor }: Page<Row>, known: Known<Row>): Known<Row> {
  const last = rows.at(-1);
  if (nextCursor === undefined || last === undefined) return { rows, next: nextCursor };
  const fresh = new Set(rows.map(idOf));
  const older = known.rows.filter((row) => atOf(row) <= atOf(last) && !fresh.has(idOf(row)));
  return older.length === 0 ? { rows, next: nextCursor } : { rows: [...rows, ...older], next: known.next };
}

/** Older rows below what is known. */
export function withOlder<Row>({ idOf }: List<Row>, { rows, nextCursor }: Page<Row>, known: Known<Row>): Known<Row> {
  const seen = new Set(known.rows.map(idOf));
  return { rows: [...known.rows, ...rows.filter((row) => !seen.has(idOf(row)))], next: nextCursor };
}
