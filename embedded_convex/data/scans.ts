// Which range of which index a query reads.
import type { JSONValue, Value } from "convex/values";
import { DeveloperError } from "../errors.ts";
import { afterPrefix, encodeKey, FIRST_KEY, LAST_KEY } from "../values/keys.ts";
import type { Index, Table } from "./catalog.ts";
import { literalOf } from "./filters.ts";
import type { Range } from "./reads.ts";
import type { SearchFilter } from "./search.ts";
import type { Transaction } from "./transaction.ts";

type RangeExpression = { type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte"; fieldPath: string; value: JSONValue };
export type Source =
  | { type: "FullTableScan"; tableName: string; order: "asc" | "desc" | null }
  | { type: "IndexRange"; indexName: string; range: RangeExpression[]; order: "asc" | "desc" | null }
  | { type: "Search"; indexName: string; filters: SearchFilter[] };

/** A range of one index in one direction; null where the table does not exist yet. */
export type Scan = { table: Table; index: Index; range: Range; order: "asc" | "desc" } | null;

export function scanOf(tx: Transaction, source: Exclude<Source, { type: "Search" }>): Scan {
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

export function isEmpty({ lower, upper }: Range): boolean {
  return Buffer.compare(lower, upper) >= 0;
}
