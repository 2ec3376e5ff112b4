// File storage: bytes in the same SQLite file, their metadata in `_storage`.
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { JSONValue } from "convex/values";
import { parseDocument } from "./catalog.ts";
import { encodeKey } from "../values/keys.ts";
import { wallMs } from "../clock.ts";
import type { Database } from "./database.ts";
import { tableNumberOf } from "../values/ids.ts";
import { DeveloperError, HttpRefusal } from "../errors.ts";
import type { Transaction } from "./transaction.ts";

const TABLE = "_storage";
const CHUNK_BYTES = 1 << 20;
const UPLOAD_URL_MS = 3600_000; // as Convex

/** `sha256` in hexadecimal. */
export type StoredFile = { storageId: string; size: number; sha256: string; contentType: string | null };

type FileDocument = { sha256: string; size: number; contentType?: string };

function fileOf(storageId: string, { sha256, size, contentType }: FileDocument): StoredFile {
  return { storageId, sha256: Buffer.from(sha256, "base64").toString("hex"), size, contentType: contentType ?? null };
}

export class FileStore {
  private readonly db: Database;
  private readonly secret: Buffer;
  /** Where clients reach this server. */
  readonly origin: string;

  constructor(db: Database, origin: string) {
    this.db = db;
    this.origin = origin;
    this.secret = randomBytes(32); // upload URLs do not outlive the process
  }

  // -- inside functions ---------------------------------------------------------------------------

  uploadUrl(): string {
    const expires = String(wallMs() + UPLOAD_URL_MS);
    return `${this.origin}/api/storage/upload?token=${expires}.${this.sign(expires)}`;
  }

  private sign(text: string): string {
    return createHmac("sha256", this.secret).update(text).digest("base64url");
  }

  /** @throws HttpRefusal when the token is not ours or has expired. */
  checkUploadToken(token: string): void {
    const [expires = "", signature = ""] = token.split(".");
    const expected = Buffer.from(this.sign(expires));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new HttpRefusal(401, "StorageTokenInvalid", "The upload URL is invalid");
    }
    if (Number(expires) < wallMs()) throw new HttpRefusal(401, "StorageTokenExpired", "The upload URL has expired");
  }

  url(tx: Transaction, storageId: string): string | null {
    if (this.document(tx, storageId, "getUrl") === null) return null;
    const row = this.db.sql.prepare("SELECT token FROM files WHERE storage_id = ?").get(storageId) as { token: string };
    return `${this.origin}/api/storage/${row.token}`;
  }

  /** What `storage.getMetadata` gives: there the digest is in hexadecimal, in `_storage` it is in base64. */
  metadata(tx: Transaction, storageId: string): { [name: string]: JSONValue } | null {
    const found = this.document(tx, storageId, "getMetadata");
    return found === null ? null : { ...fileOf(storageId, found) };
  }

  private document(tx: Transaction, storageId: string, method: string): FileDocument | null {
    this.checkId(storageId, method);
    const row = tx.normalizeId(TABLE, storageId) === null ? null : tx.get(storageId, TABLE, true);
    return row === null ? null : (parseDocument(row.body) as unknown as FileDocument);
  }

  private checkId(storageId: string, method: string): void {
    if (tableNumberOf(storageId) !== null) return;
    throw new DeveloperError(
      `Invalid argument \`storageId\` for \`storage.${method}\`: Unable to decode ID: Invalid ID length ${storageId.length}`,
    );
  }

  store(tx: Transaction, bytes: Uint8Array, contentType: string | null, expectedSha256?: string): string {
    const digest = createHash("sha256").update(bytes).digest();
    if (expectedSha256 !== undefined && expectedSha256 !== digest.toString("hex") && expectedSha256 !== digest.toString("base64")) {
      throw new DeveloperError("The sha256 of the file does not match the given one");
    }
    const storageId = tx.insertAny(TABLE, {
      sha256: digest.toString("base64"),
      size: bytes.length,
      ...(contentType === null || contentType === "" ? {} : { contentType }),
    });
    const token = `${randomBytes(16).toString("hex")}`.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    this.db.sql.prepare("INSERT INTO files (storage_id, token) VALUES (?, ?)").run(storageId, token);
    const insert = this.db.sql.prepare("INSERT INTO chunks (storage_id, number, bytes) VALUES (?, ?, ?)");
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      insert.run(storageId, at / CHUNK_BYTES, bytes.subarray(at, at + CHUNK_BYTES));
    }
    return storageId;
  }

  remove(tx: Transaction, storageId: string): void {
    this.checkId(storageId, "delete");
    if (tx.normalizeId(TABLE, storageId) === null || !tx.removeAny(storageId)) {
      throw new DeveloperError(`storage id ${storageId} not found`);
    }
    this.db.sql.prepare("DELETE FROM files WHERE storage_id = ?").run(storageId);
    this.db.sql.prepare("DELETE FROM chunks WHERE storage_id = ?").run(storageId);
  }

  // -- bytes --------------------------------------------------------------------------------------

  /** The file behind a download URL. */
  byToken(token: string): StoredFile | null {
    const row = this.db.sql.prepare("SELECT storage_id FROM files WHERE token = ?").get(token) as { storage_id: string } | undefined;
    return row === undefined ? null : this.byId(row.storage_id);
  }

  byId(storageId: string): StoredFile | null {
    const table = this.db.catalog.table(TABLE);
    if (table === undefined || this.db.tableOfId(storageId) !== TABLE) return null;
    const rows = this.db.point(table.byId.id, encodeKey([storageId]));
    if (rows === undefined) return null;
    return fileOf(storageId, parseDocument(rows.body) as unknown as FileDocument);
  }

  /** Bytes `from` to `to`, the last one excluded, in pieces of at most 1 MiB. */
  *read(storageId: string, from: number, to: number): Generator<Uint8Array> {
    const chunk = this.db.sql.prepare("SELECT bytes FROM chunks WHERE storage_id = ? AND number = ?");
    for (let number = Math.floor(from / CHUNK_BYTES); number * CHUNK_BYTES < to; number++) {
      const row = chunk.get(storageId, number) as { bytes: Uint8Array } | undefined;
      if (row === undefined) return;
      const start = number * CHUNK_BYTES;
      yield row.bytes.subarray(Math.max(0, from - start), Math.min(CHUNK_BYTES, to - start));
    }
  }
}
