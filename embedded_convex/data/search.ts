// Full-text and vector search, by reading the table: correct and plain, for the sizes of one machine.
import type { JSONValue, Value } from "convex/values";
import { compareValues } from "convex/values";
import { type Document, parseDocument, type Table } from "./catalog.ts";
import type { Row } from "./database.ts";
import { DeveloperError } from "../errors.ts";
import { type Filter, literalOf, passes } from "./filters.ts";
import { fieldOf, FIRST_KEY, LAST_KEY } from "../values/keys.ts";
import type { Transaction } from "./transaction.ts";

export type SearchFilter = { type: "Search" | "Eq"; fieldPath: string; value: JSONValue };

const MAX_RESULTS = 1024; // Convex gives no more
const MAX_TERMS = 16;
const SCAN_PAGE = 512;
const SATURATION = 1.2; // BM25's k1
const LENGTH_WEIGHT = 0.75; // BM25's b

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function* allRows(tx: Transaction, table: Table): Generator<Row> {
  let lower: Uint8Array = FIRST_KEY;
  tx.reads.range(table.byTime.id, { lower: FIRST_KEY, upper: LAST_KEY });
  for (;;) {
    const rows = tx.db.range(table.byTime.id, { lower, upper: LAST_KEY }, "asc", SCAN_PAGE);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < SCAN_PAGE) return;
    lower = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

type Match = { row: Row; counts: number[]; length: number; creationTime: number };

/** Documents that hold any term, best first by BM25; the last term also matches as a prefix. */
export function searchRows(tx: Transaction, indexName: string, filters: readonly SearchFilter[]): Row[] {
  const [tableName, name] = indexName.split(".") as [string, string];
  const table = tx.tableForRead(tableName);
  const index = table?.declaration?.searchIndexes.find((declared) => declared.name === name);
  if (table === null || index === undefined) throw new DeveloperError(`Index ${indexName} not found.`);
  const search = filters.filter((filter) => filter.type === "Search");
  const [only] = search;
  if (only === undefined || search.length !== 1 || only.fieldPath !== index.searchField) {
    throw new DeveloperError(`Search queries against ${indexName} must search exactly once, in "${index.searchField}"`);
  }
  const equal = filters.filter((filter) => filter.type === "Eq");
  for (const { fieldPath } of equal) {
    if (index.filterFields.includes(fieldPath)) continue;
    throw new DeveloperError(
      `Search query against ${indexName} contains an equality filter on "${fieldPath}", which is not a filter field`,
    );
  }
  const terms = words(String(literalOf(only.value))).slice(0, MAX_TERMS);
  const matches = matchesOf(tx, table, { field: index.searchField.split("."), terms, equal });
  const rows = ranked(matches.found, matches, terms.length).slice(0, MAX_RESULTS);
  for (const row of rows) tx.usage.read(row.size);
  return rows;
}

type Wanted = { field: string[]; terms: string[]; equal: readonly SearchFilter[] };
type Matches = { found: Match[]; documents: number; totalLength: number };

function matchesOf(tx: Transaction, table: Table, { field, terms, equal }: Wanted): Matches {
  const found: Match[] = [];
  let documents = 0;
  let totalLength = 0;
  for (const row of allRows(tx, table)) {
    const document = parseDocument(row.body) as unknown as Value;
    const text = fieldOf(document, field);
    if (typeof text !== "string") continue;
    const tokens = words(text);
    documents++;
    totalLength += tokens.length;
    const isWanted = equal.every((filter) => compareValues(fieldOf(document, filter.fieldPath.split(".")), literalOf(filter.value)) === 0);
    if (!isWanted) continue;
    const counts = terms.map((term, i) => {
      const isPrefix = i === terms.length - 1;
      return tokens.filter((token) => (isPrefix ? token.startsWith(term) : token === term)).length;
    });
    if (!counts.some((count) => count > 0)) continue;
    found.push({ row, counts, length: tokens.length, creationTime: (document as unknown as Document)._creationTime });
  }
  return { found, documents, totalLength };
}

function ranked(found: Match[], { documents, totalLength }: Matches, terms: number): Row[] {
  const average = totalLength / Math.max(1, documents);
  const rarity = Array.from({ length: terms }, (_, i) => {
    const holding = found.filter(({ counts }) => (counts[i] as number) > 0).length;
    return Math.log(1 + (documents - holding + 0.5) / (holding + 0.5));
  });
  const score = ({ counts, length }: Match) =>
    counts.reduce((sum, count, i) => {
      const damping = SATURATION * (1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * length) / Math.max(1, average));
      return sum + ((rarity[i] as number) * count * (SATURATION + 1)) / (count + damping);
    }, 0);
  const scored = found.map((match) => ({ match, score: score(match) }));
  scored.sort((a, b) => b.score - a.score || b.match.creationTime - a.match.creationTime);
  return scored.map(({ match }) => match.row);
}

export type VectorQuery = { indexName: string; limit?: number; vector: number[]; expressions: Filter | null };

/** The documents whose vectors have the largest cosine with the query's. */
export function vectorSearch(tx: Transaction, { indexName, limit = 10, vector, expressions }: VectorQuery): JSONValue[] {
  const [tableName, name] = indexName.split(".") as [string, string];
  const table = tx.tableForRead(tableName);
  const index = table?.declaration?.vectorIndexes.find((declared) => declared.name === name);
  if (table === null || index === undefined) throw new DeveloperError(`Index ${indexName} not found.`);
  if (vector.length !== index.dimensions) {
    throw new DeveloperError(`Vector index ${indexName} has ${index.dimensions} dimensions, the query ${vector.length}`);
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > 256) {
    throw new DeveloperError(`Vector queries require a limit between 1 and 256 (got ${limit})`);
  }
  const field = index.vectorField.split(".");
  const scored: { _id: string; _score: number }[] = [];
  for (const row of allRows(tx, table)) {
    const document = parseDocument(row.body) as unknown as Value;
    const candidate = fieldOf(document, field);
    if (!Array.isArray(candidate) || candidate.length !== vector.length) continue;
    if (expressions !== null && !passes(expressions, document)) continue;
    scored.push({ _id: (document as unknown as Document)._id, _score: cosine(vector, candidate as number[]) });
  }
  scored.sort((a, b) => b._score - a._score);
  return scored.slice(0, limit);
}

function cosine(a: readonly number[], b: readonly number[]): number {
  let dot = 0;
  let lengthA = 0;
  let lengthB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    dot += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return lengthA === 0 || lengthB === 0 ? 0 : dot / Math.sqrt(lengthA * lengthB);
}
