// The SQLite file: documents, index entries, the clock. One connection, one thread; the runner serialises.
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Catalog, type Document, type Index, indexKey, type Table } from "./catalog.ts";
import { DataFileInUse, messageOf, StartRefused } from "../errors.ts";
import { NO_SCHEMA, type Schema } from "./schema.ts";
import { tableNumberOf } from "../values/ids.ts";
import { wallMs } from "../clock.ts";

const FORMAT = 1;
const LAYOUT = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tables (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE indexes (id INTEGER PRIMARY KEY AUTOINCREMENT, table_number INTEGER NOT NULL, name TEXT NOT NULL,
  fields TEXT NOT NULL, UNIQUE (table_number, name));
CREATE TABLE docs (doc INTEGER PRIMARY KEY, table_number INTEGER NOT NULL, size INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX docs_by_table ON docs (table_number);
CREATE TABLE entries (index_id INTEGER NOT NULL, key BLOB NOT NULL, doc INTEGER NOT NULL,
  PRIMARY KEY (index_id, key)) WITHOUT ROWID;
CREATE TABLE requests (session TEXT NOT NULL, request INTEGER NOT NULL, at_ms INTEGER NOT NULL, reply TEXT NOT NULL,
  PRIMARY KEY (session, request)) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (at_ms);
CREATE TABLE files (storage_id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE chunks (storage_id TEXT NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL,
  UNIQUE (storage_id, number));
CREATE TABLE crons (name TEXT PRIMARY KEY, spec TEXT NOT NULL, next_ms INTEGER NOT NULL) WITHOUT ROWID;
`;

export type Row = { key: Buffer; doc: number; size: number; body: string };
export type Bounds = { lower: Uint8Array; upper: Uint8Array };

/** One key of one index that a commit has touched, before or after. */
export type Touched = { index: number; key: Buffer };

type RawRow = { key: Uint8Array; doc: number; size: number; body: string };

type Statements = Record<"asc" | "desc" | "point" | "addDoc" | "setDoc" | "dropDoc" | "addEntry" | "dropEntry" | "setTs", StatementSync>;

/** One line for whatever is wrong with a file. */
export function unusable(file: string, error: unknown): StartRefused {
  if (error instanceof StartRefused) return error;
  const text = messageOf(error);
  if (text.includes("locked")) return new DataFileInUse(file);
  return new StartRefused(
    `the data file ${file} cannot be opened: ${text.replaceAll("\n", " ")}; restore it from a copy, or start with another one`,
  );
}

export class Database {
  readonly sql: DatabaseSync;
  readonly catalog: Catalog;
  private readonly file: string;
  private readonly statements: Statements;
  private ts: bigint;
  private lastCreationTime = 0;
  private depth = 0;

  /** Open or make the file and hold it alone until `close`.
   *  @throws StartRefused when another process holds it, or it is not ours, or it is spoiled. */
  constructor(file: string) {
    this.file = file;
    try {
      this.sql = new DatabaseSync(file, { timeout: 500 });
    } catch (error) {
      throw unusable(file, error);
    }
    try {
      this.sql.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      this.sql.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000");
      this.sql.exec("BEGIN EXCLUSIVE");
      this.prepareLayout(file);
      this.sql.exec("COMMIT");
      this.statements = this.prepareStatements();
      const read = this.sql.prepare("SELECT value FROM meta WHERE name = 'ts'");
      read.setReadBigInts(true);
      const clock = read.get() as { value: bigint } | undefined;
      if (clock === undefined) throw new Error("its clock is missing");
      this.ts = clock.value;
      this.catalog = new Catalog(this.sql, NO_SCHEMA);
      this.catalog.reload();
    } catch (error) {
      this.sql.close();
      throw unusable(file, error);
    }
  }

  private prepareStatements(): Statements {
    const range = "FROM entries e CROSS JOIN docs d ON d.doc = e.doc WHERE e.index_id = ? AND e.key >= ? AND e.key < ?";
    return {
      asc: this.sql.prepare(`SELECT e.key, d.doc, d.size, d.body ${range} ORDER BY e.key LIMIT ?`),
      desc: this.sql.prepare(`SELECT e.key, d.doc, d.size, d.body ${range} ORDER BY e.key DESC LIMIT ?`),
      point: this.sql.prepare(
        "SELECT e.key, d.doc, d.size, d.body FROM entries e CROSS JOIN docs d ON d.doc = e.doc WHERE e.index_id = ? AND e.key = ?",
      ),
      addDoc: this.sql.prepare("INSERT INTO docs (table_number, size, body) VALUES (?, ?, ?)"),
      setDoc: this.sql.prepare("UPDATE docs SET size = ?, body = ? WHERE doc = ?"),
      dropDoc: this.sql.prepare("DELETE FROM docs WHERE doc = ?"),
      addEntry: this.sql.prepare("INSERT INTO entries (index_id, key, doc) VALUES (?, ?, ?)"),
      dropEntry: this.sql.prepare("DELETE FROM entries WHERE index_id = ? AND key = ?"),
      setTs: this.sql.prepare("UPDATE meta SET value = ? WHERE name = 'ts'"),
    };
  }

  private prepareLayout(file: string): void {
    const { user_version: found } = this.sql.prepare("PRAGMA user_version").get() as { user_version: number };
    if (found === FORMAT) return;
    const { count } = this.sql.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
    if (found !== 0 || count > 0) {
      throw new StartRefused(`the data file ${file} is not an embedded Convex of format ${FORMAT} (found ${found})`);
    }
    this.sql.exec(LAYOUT);
    this.sql.prepare("INSERT INTO meta (name, value) VALUES ('ts', ?)").run(BigInt(Math.floor(wallMs())) * 1_000_000n);
    this.sql.exec(`PRAGMA user_version = ${FORMAT}`);
  }

  /** @throws StartRefused when documents do not match the schema, or cannot be read. */
  adopt(schema: Schema): void {
    try {
      this.begin();
      this.catalog.adopt(schema, this.tableOfId);
      this.commit();
    } catch (error) {
      this.rollback();
      throw unusable(this.file, error);
    }
  }

  readonly tableOfId = (id: string): string | null => {
    const number = tableNumberOf(id);
    return number === null ? null : (this.catalog.tableNumbered(number)?.name ?? null);
  };

  // -- time ---------------------------------------------------------------------------------------

  /** Timestamp of the last commit, in nanoseconds. */
  get lastTs(): bigint {
    return this.ts;
  }

  /** The timestamp that the open transaction commits at. */
  nextTs(): bigint {
    const wall = BigInt(Math.floor(wallMs())) * 1_000_000n;
    return wall > this.ts ? wall : this.ts + 1n;
  }

  /** Unique and increasing over all documents, also when the machine's clock goes back. */
  nextCreationTime(): number {
    const floor = Math.max(this.lastCreationTime, Number(this.ts / 1_000_000n));
    const now = Math.floor(wallMs());
    this.lastCreationTime = now > floor ? now : floor + 1 / 1024;
    return this.lastCreationTime;
  }

  // -- transactions -------------------------------------------------------------------------------

  begin(): void {
    this.sql.exec("BEGIN IMMEDIATE");
  }

  /** Commit and move the clock in the same transaction. */
  commitAt(ts: bigint): void {
    this.statements.setTs.run(ts);
    this.sql.exec("COMMIT");
    this.ts = ts;
  }

  commit(): void {
    this.sql.exec("COMMIT");
  }

  rollback(): void {
    if (this.sql.isTransaction) this.sql.exec("ROLLBACK");
    this.depth = 0;
  }

  savepoint(): void {
    this.sql.exec(`SAVEPOINT nested_${++this.depth}`);
  }

  releaseSavepoint(): void {
    this.sql.exec(`RELEASE nested_${this.depth--}`);
  }

  rollbackSavepoint(): void {
    this.sql.exec(`ROLLBACK TO nested_${this.depth}; RELEASE nested_${this.depth--}`);
  }

  // -- documents ----------------------------------------------------------------------------------

  /** At most `limit` rows of an index whose key is in [lower, upper), in key order or its reverse. */
  range(index: number, bounds: Bounds, order: "asc" | "desc", limit: number): Row[] {
    const rows = this.statements[order].all(index, bounds.lower, bounds.upper, limit) as RawRow[];
    for (const row of rows) row.key = Buffer.from(row.key.buffer, row.key.byteOffset, row.key.byteLength);
    return rows as Row[];
  }

  point(index: number, key: Uint8Array): Row | undefined {
    return this.statements.point.get(index, key) as Row | undefined;
  }

  insert(table: Table, document: Document, size: number, body: string, touched: Touched[]): void {
    const doc = this.statements.addDoc.run(table.number, size, body).lastInsertRowid;
    for (const index of table.indexes.values()) {
      const key = indexKey(index, document);
      this.statements.addEntry.run(index.id, key, doc);
      touched.push({ index: index.id, key });
    }
  }

  update(table: Table, doc: number, before: Document, after: Document, size: number, body: string, touched: Touched[]): void {
    this.statements.setDoc.run(size, body, doc);
    for (const index of table.indexes.values()) this.moveEntry(index, doc, before, after, touched);
  }

  private moveEntry(index: Index, doc: number, before: Document, after: Document, touched: Touched[]): void {
    const oldKey = indexKey(index, before);
    const newKey = indexKey(index, after);
    touched.push({ index: index.id, key: oldKey });
    if (oldKey.equals(newKey)) return;
    this.statements.dropEntry.run(index.id, oldKey);
    this.statements.addEntry.run(index.id, newKey, doc);
    touched.push({ index: index.id, key: newKey });
  }

  remove(table: Table, doc: number, document: Document, touched: Touched[]): void {
    for (const index of table.indexes.values()) {
      const key = indexKey(index, document);
      this.statements.dropEntry.run(index.id, key);
      touched.push({ index: index.id, key });
    }
    this.statements.dropDoc.run(doc);
  }

  close(): void {
    this.sql.close();
  }
}
