// Lists that user interfaces read whole, as one array: never cut in silence.
import { refused } from "./errors.ts";

export const MOST_ROWS = 8_000; // an array of Convex holds 8,192

/** All rows of a query. Refused when there are more than one answer holds; `instead` says what reads them in pages. */
export async function wholeList<Row>(query: { take(n: number): Promise<Row[]> }, instead: string): Promise<Row[]> {
  const rows = await query.take(MOST_ROWS + 1);
  if (rows.length > MOST_ROWS) {
    throw refused("too_many", `There are more than ${MOST_ROWS} entries, too many for one list; use ${instead}`);
  }
  return rows;
}
