// One query or mutation with everything it calls: its reads, its writes, its limits.
import type { JSONValue, Value } from "convex/values";
import { convexToJson, jsonToConvex } from "convex/values";
import { CATALOG_INDEX, type Document, parseDocument, type Table } from "./catalog.ts";
import type { Database, Row, Touched } from "./database.ts";
import { DeveloperError } from "../errors.ts";
import { newId, tableNumberOf } from "../values/ids.ts";
import { encodeKey } from "../values/keys.ts";
import { Usage } from "./limits.ts";
import { ReadSet } from "./reads.ts";
import { mismatch } from "../values/validators.ts";
import { checkedDocumentSize, checkShape, MAX_NESTING, printEncoded } from "../values/values.ts";
import { wallMs } from "../clock.ts";

export type JsonObject = { [field: string]: JSONValue };

/** Something to do once the transaction has committed, such as waking the scheduler. */
export type AfterCommit = () => void;

export class Transaction {
  readonly db: Database;
  readonly isWritable: boolean;
  readonly reads = new ReadSet();
  readonly touched: Touched[] = [];
  readonly usage = new Usage();
  readonly afterCommit: AfterCommit[] = [];
  /** A failure of the file itself (full disk…): the call ends with it, whatever the function made of it. */
  fault: Error | null = null;
  /** Grows with each write, so that a stream knows that what it has fetched ahead may be stale. */
  writes = 0;
  private hasNewTable = false;
  /** What the transaction will commit at; commit timestamps in documents resolve to it. */
  readonly ts: bigint;

  constructor(db: Database, isWritable: boolean) {
    this.db = db;
    this.isWritable = isWritable;
    this.ts = isWritable ? db.nextTs() : db.lastTs;
  }

  get hasWritten(): boolean {
    return this.writes > 0;
  }

  // -- reading ------------------------------------------------------------------------------------

  /** A table to read from; null when nothing was ever written to it, which is recorded as a read too. */
  tableForRead(name: string): Table | null {
    const table = this.db.catalog.table(name);
    if (table !== undefined) return table;
    this.reads.point(CATALOG_INDEX, Buffer.from(name));
    return null;
  }

  /** The stored document, or null. `tableName` is checked when it is given. */
  get(id: string, tableName: string | undefined, isSystem: boolean): Row | null {
    const method = isSystem ? "system.get" : "get";
    const table = this.tableOf(id, undefined, method);
    if (table === null) return null;
    if (table.name.startsWith("_") !== isSystem) {
      throw new DeveloperError(
        isSystem ? "User tables cannot be accessed with db.system." : "System tables can only be accessed with db.system.",
      );
    }
    this.tableOf(id, tableName, method);
    return this.readRow(table, id);
  }

  private readRow(table: Table, id: string): Row | null {
    const key = encodeKey([id]);
    this.usage.add("databaseQueries", 1);
    this.reads.point(table.byId.id, key);
    const row = this.db.point(table.byId.id, key);
    if (row === undefined) return null;
    this.usage.read(row.size);
    return row;
  }

  private tableOf(id: string, expected: string | undefined, method: string): Table | null {
    const number = tableNumberOf(id);
    if (number === null) {
      throw new DeveloperError(`Invalid argument \`id\` for \`db.${method}\`: Unable to decode ID: Invalid ID length ${id.length}`);
    }
    const table = this.db.catalog.tableNumbered(number) ?? null;
    if (table !== null && expected !== undefined && table.name !== expected) {
      throw new DeveloperError(
        `Invalid argument \`id\` for \`db.${method}\`: expected to be an Id<"${expected}">, got Id<"${table.name}"> instead.`,
      );
    }
    return table;
  }

  normalizeId(tableName: string, id: string): string | null {
    const number = tableNumberOf(id);
    if (number === null) return null;
    return this.db.catalog.tableNumbered(number)?.name === tableName ? id : null;
  }

  // -- writing ------------------------------------------------------------------------------------

  insert(tableName: string, json: JSONValue): string {
    if (tableName.startsWith("_")) throw new DeveloperError("System tables (prefixed with `_`) are read-only.");
    const fields = this.fields(json, "insert");
    for (const name of ["_id", "_creationTime"]) {
      if (name in fields) throw new DeveloperError(`System field '${name}' cannot be given on insert: Convex sets it`);
    }
    return this.insertAny(tableName, fields);
  }

  /** Insert into any table, the system's too. */
  insertAny(tableName: string, fields: Record<string, Value>): string {
    this.mustWrite();
    const table = this.tableForWrite(tableName);
    const creationTime = this.db.nextCreationTime();
    const _id = newId(table.number, creationTime);
    const document: Document = { ...fields, _id, _creationTime: creationTime };
    const { size, body } = this.checked(table, document);
    this.db.insert(table, document, size, body, this.touched);
    return _id;
  }

  patch(id: string, tableName: string | undefined, json: JSONValue): void {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new DeveloperError("Invalid argument `value` for `db.patch`: expected an object");
    }
    const set: Record<string, Value | undefined> = {};
    for (const [name, item] of Object.entries(json)) {
      const isRemoved = typeof item === "object" && item !== null && "$undefined" in item;
      set[name] = isRemoved ? undefined : this.resolved(item);
    }
    this.change(id, tableName, "patch", "Update on nonexistent document ID", (before) => ({ ...before, ...set }));
  }

  replace(id: string, tableName: string | undefined, json: JSONValue): void {
    const fields = this.fields(json, "replace");
    this.change(id, tableName, "replace", "Replace on nonexistent document ID", ({ _id, _creationTime }) => ({
      _id,
      _creationTime,
      ...fields,
    }));
  }

  /** Patch a document of any table, the system's too. */
  patchAny(id: string, fields: Record<string, Value | undefined>): void {
    const table = this.tableOf(id, undefined, "patch");
    const row = table === null ? null : this.readRow(table, id);
    if (table === null || row === null) throw new DeveloperError(`Update on nonexistent document ID ${id}`);
    const before = parseDocument(row.body);
    this.store(table, row.doc, before, { ...before, ...fields });
  }

  private change(
    id: string,
    tableName: string | undefined,
    method: string,
    missing: string,
    edit: (before: Document) => Record<string, Value | undefined>,
  ): void {
    const { table, row } = this.existing(id, tableName, method, missing);
    const before = parseDocument(row.body);
    const after = edit(before);
    if (after["_id"] !== before._id) {
      throw new DeveloperError(`Provided \`_id\` field value "${String(after["_id"])}" does not match the document ID "${before._id}"`);
    }
    if (after["_creationTime"] !== before._creationTime) {
      throw new DeveloperError(
        `Provided \`_creationTime\` field value ${String(after["_creationTime"])} does not match the document's ` +
          `creation time ${before._creationTime}`,
      );
    }
    this.store(table, row.doc, before, after as Document);
  }

  private store(table: Table, doc: number, before: Document, after: Document): void {
    this.mustWrite();
    const { size, body } = this.checked(table, after);
    this.db.update(table, doc, before, after, size, body, this.touched);
  }

  remove(id: string, tableName: string | undefined): void {
    const { table, row } = this.existing(id, tableName, "delete", "Delete on nonexistent document ID");
    this.mustWrite();
    this.usage.wrote(0);
    this.db.remove(table, row.doc, parseDocument(row.body), this.touched);
  }

  /** Delete a document of any table, the system's too; false when it is not there. */
  removeAny(id: string): boolean {
    const table = this.tableOf(id, undefined, "delete");
    const row = table === null ? null : this.readRow(table, id);
    if (table === null || row === null) return false;
    this.mustWrite();
    this.db.remove(table, row.doc, parseDocument(row.body), this.touched);
    return true;
  }

  private existing(id: string, tableName: string | undefined, method: string, missing: string): { table: Table; row: Row } {
    const table = this.tableOf(id, tableName, method);
    if (table?.name.startsWith("_")) throw new DeveloperError("System tables can only be accessed with db.system.");
    const row = table === null ? null : this.readRow(table, id);
    if (table === null || row === null) throw new DeveloperError(`${missing} ${id}`);
    return { table, row };
  }

  private mustWrite(): void {
    if (!this.isWritable) throw new DeveloperError("Can't write to the database in a query");
    this.writes++;
  }

  private tableForWrite(name: string): Table {
    const known = this.db.catalog.table(name);
    if (known !== undefined) return known;
    if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/.test(name)) {
      throw new DeveloperError(
        `Invalid table name "${name}": table names must start with a letter and hold letters, digits and underscores only`,
      );
    }
    this.hasNewTable = true;
    this.touched.push({ index: CATALOG_INDEX, key: Buffer.from(name) });
    return this.db.catalog.ensure(name);
  }

  private fields(json: JSONValue, method: string): Record<string, Value> {
    const value = this.resolved(json);
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof ArrayBuffer) {
      throw new DeveloperError(`Invalid argument \`value\` for \`db.${method}\`: expected an object`);
    }
    return value as Record<string, Value>;
  }

  /** The value with commit timestamps filled in: transactions are serial, so theirs is known from the start. */
  private resolved(json: JSONValue): Value {
    const text = JSON.stringify(json);
    if (!text.includes('"$commitTs"')) return jsonToConvex(json);
    const { $integer } = convexToJson(this.ts) as { $integer: string };
    return jsonToConvex(JSON.parse(text.replaceAll('{"$commitTs":null}', `{"$integer":"${$integer}"}`)) as JSONValue);
  }

  private checked(table: Table, document: Document): { size: number; body: string } {
    const { _id, _creationTime, ...fields } = document;
    void _creationTime;
    for (const name in fields) {
      if (name.startsWith("_") && fields[name] !== undefined) {
        throw new DeveloperError(`Field '${name}' starts with an underscore, which is only allowed for system fields like '_id'`);
      }
    }
    checkShape(fields, MAX_NESTING);
    const validator = table.declaration?.validator;
    if (validator !== undefined && (this.db.catalog.isSchemaEnforced || table.name.startsWith("_"))) {
      const problem = mismatch(validator, fields, this.db.tableOfId);
      if (problem !== null) {
        throw new DeveloperError(
          `Failed to insert or update a document in table "${table.name}" because it does not match the schema: ${problem}`,
        );
      }
    }
    void _id;
    const size = checkedDocumentSize(document);
    this.usage.wrote(size);
    return { size, body: printEncoded(convexToJson(document)) };
  }

  // -- ending -------------------------------------------------------------------------------------

  /** Run a nested call; when it fails, only its own writes are taken back. */
  async nested<T>(call: () => Promise<T>): Promise<T> {
    if (!this.isWritable) return call();
    const { length } = this.touched;
    const afterCommit = this.afterCommit.length;
    this.db.savepoint();
    try {
      const result = await call();
      this.db.releaseSavepoint();
      return result;
    } catch (error) {
      this.db.rollbackSavepoint();
      this.touched.length = length;
      this.afterCommit.length = afterCommit;
      this.writes++; // what streams have fetched ahead may be gone
      if (this.hasNewTable) this.db.catalog.reload();
      throw error;
    }
  }

  rollback(): void {
    this.db.rollback();
    if (this.hasNewTable) this.db.catalog.reload();
  }

  /** Milliseconds since 1970, for records of the system. */
  get wallMs(): number {
    return wallMs();
  }
}
