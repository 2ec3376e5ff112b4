// Tables and indexes of one data file: names to numbers, kept in step with the schema.
import type { DatabaseSync } from "node:sqlite";
import type { JSONValue, Value } from "convex/values";
import { jsonToConvex } from "convex/values";
import { StartRefused } from "../errors.ts";
import { encodeKey, fieldOf } from "../values/keys.ts";
import { type Schema, SYSTEM_TABLES, type TableDeclaration } from "./schema.ts";
import { mismatch, type TableOfId } from "../values/validators.ts";

export type Document = { _id: string; _creationTime: number; [field: string]: Value | undefined };

export type Index = {
  id: number;
  name: string;
  /** Declared fields, without the tie breakers _creationTime and _id. */
  fields: readonly string[];
  /** All fields of a key, split at the dots. */
  paths: readonly (readonly string[])[];
};

export type Table = {
  number: number;
  name: string;
  byId: Index;
  byTime: Index;
  indexes: Map<string, Index>;
  declaration: TableDeclaration | null;
};

const FIRST_USER_TABLE = 10_001;
const BACKFILL_PAGE = 500;

/** Reads of a table that does not exist yet are recorded under this index, with the name as the key. */
export const CATALOG_INDEX = 0;

function makeIndex(id: number, name: string, fields: readonly string[]): Index {
  const tieBreakers = name === "by_id" ? [] : name === "by_creation_time" ? ["_id"] : ["_creationTime", "_id"];
  return { id, name, fields, paths: [...fields, ...tieBreakers].map((path) => path.split(".")) };
}

export function indexKey(index: Index, document: Document): Buffer {
  return encodeKey(index.paths.map((path) => fieldOf(document, path)));
}

export function parseDocument(body: string): Document {
  return jsonToConvex(JSON.parse(body) as JSONValue) as unknown as Document;
}

/** A document of a file that may be spoiled. */
function readDocument(table: Table, body: string): Document {
  let document: unknown;
  try {
    document = parseDocument(body);
  } catch {
    document = null;
  }
  if (typeof document === "object" && document !== null && "_id" in document) return document as Document;
  throw new Error(`the table ${table.name} holds what is no document`);
}

type TableRow = { number: number; name: string };
type IndexRow = { id: number; name: string; fields: string };

export class Catalog {
  private readonly sql: DatabaseSync;
  private schema: Schema;
  private readonly byName = new Map<string, Table>();
  private readonly byNumber = new Map<number, Table>();

  constructor(sql: DatabaseSync, schema: Schema) {
    this.sql = sql;
    this.schema = schema;
  }

  table(name: string): Table | undefined {
    return this.byName.get(name);
  }

  tableNumbered(number: number): Table | undefined {
    return this.byNumber.get(number);
  }

  get tables(): Iterable<Table> {
    return this.byName.values();
  }

  get isSchemaEnforced(): boolean {
    return this.schema.isEnforced;
  }

  /** Read the tables and indexes of the file again, as after a rollback that took back a new table. */
  reload(): void {
    this.byName.clear();
    this.byNumber.clear();
    for (const row of this.sql.prepare("SELECT number, name FROM tables").all() as TableRow[]) this.load(row);
  }

  private load({ number, name }: TableRow): Table {
    const indexes = new Map<string, Index>();
    const rows = this.sql.prepare("SELECT id, name, fields FROM indexes WHERE table_number = ?").all(number);
    for (const row of rows as IndexRow[]) {
      indexes.set(row.name, makeIndex(row.id, row.name, JSON.parse(row.fields) as string[]));
    }
    const byId = indexes.get("by_id");
    const byTime = indexes.get("by_creation_time");
    if (byId === undefined || byTime === undefined) throw new Error(`the table ${name} has lost its indexes`);
    const declaration = SYSTEM_TABLES.find((table) => table.name === name) ?? this.schema.tables.get(name) ?? null;
    const table: Table = { number, name, byId, byTime, indexes, declaration };
    this.byName.set(name, table);
    this.byNumber.set(number, table);
    return table;
  }

  /** The table, made now if it is new. Only inside a write transaction. */
  ensure(name: string): Table {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const isSystem = name.startsWith("_");
    const { next } = this.sql
      .prepare("SELECT coalesce(max(number), 0) + 1 AS next FROM tables WHERE (number < ?) = ?")
      .get(FIRST_USER_TABLE, isSystem ? 1 : 0) as { next: number };
    const number = isSystem ? next : Math.max(next, FIRST_USER_TABLE);
    this.sql.prepare("INSERT INTO tables (number, name) VALUES (?, ?)").run(number, name);
    this.addIndex(number, "by_id", ["_id"]);
    this.addIndex(number, "by_creation_time", ["_creationTime"]);
    return this.load({ number, name });
  }

  private addIndex(tableNumber: number, name: string, fields: readonly string[]): number {
    const { lastInsertRowid } = this.sql
      .prepare("INSERT INTO indexes (table_number, name, fields) VALUES (?, ?, ?)")
      .run(tableNumber, name, JSON.stringify(fields));
    return Number(lastInsertRowid);
  }

  /** Make the file agree with a schema: new tables, new indexes filled, dropped indexes removed, documents checked.
   *  Only inside a write transaction.
   *  @throws StartRefused naming the first document that does not match. */
  adopt(schema: Schema, tableOfId: TableOfId): void {
    this.schema = schema;
    this.reload();
    for (const declaration of [...SYSTEM_TABLES, ...schema.tables.values()]) this.ensure(declaration.name);
    for (const table of [...this.byName.values()]) this.adoptTable(table);
    this.reload();
    if (schema.isEnforced) {
      for (const table of this.byName.values()) this.checkDocuments(table, tableOfId);
    }
  }

  private adoptTable(table: Table): void {
    const wanted = new Map((table.declaration?.indexes ?? []).map((index) => [index.name, index.fields]));
    for (const [name, index] of table.indexes) {
      if (name === "by_id" || name === "by_creation_time") continue;
      if (JSON.stringify(wanted.get(name)) === JSON.stringify(index.fields)) {
        wanted.delete(name);
        continue;
      }
      this.sql.prepare("DELETE FROM entries WHERE index_id = ?").run(index.id);
      this.sql.prepare("DELETE FROM indexes WHERE id = ?").run(index.id);
    }
    const added = [...wanted].map(([name, fields]) => makeIndex(this.addIndex(table.number, name, fields), name, fields));
    if (added.length === 0) return;
    const insert = this.sql.prepare("INSERT INTO entries (index_id, key, doc) VALUES (?, ?, ?)");
    for (const { doc, body } of this.documents(table)) {
      const document = readDocument(table, body);
      for (const index of added) insert.run(index.id, indexKey(index, document), doc);
    }
  }

  private *documents(table: Table): Generator<{ doc: number; body: string }> {
    const scan = this.sql.prepare("SELECT doc, body FROM docs WHERE table_number = ? AND doc > ? ORDER BY doc LIMIT ?");
    let last = 0;
    for (;;) {
      const rows = scan.all(table.number, last, BACKFILL_PAGE) as { doc: number; body: string }[];
      yield* rows;
      if (rows.length < BACKFILL_PAGE) return;
      last = (rows.at(-1) as { doc: number }).doc;
    }
  }

  private checkDocuments(table: Table, tableOfId: TableOfId): void {
    if (table.declaration === null || table.declaration.validator.type === "any") return;
    for (const { body } of this.documents(table)) {
      const { _id, _creationTime, ...fields } = readDocument(table, body);
      void _creationTime;
      const problem = mismatch(table.declaration.validator, fields, tableOfId);
      if (problem !== null) {
        throw new StartRefused(
          `Schema validation failed.\nDocument with ID "${_id}" in table "${table.name}" does not match the schema: ${problem}`,
        );
      }
    }
  }
}
