// What a folder's schema.ts declares: tables, their validators and indexes.
import { StartRefused } from "../errors.ts";
import type { ValidatorJson } from "../values/validators.ts";

export type IndexDeclaration = { name: string; fields: string[] };
export type SearchIndex = { name: string; searchField: string; filterFields: string[] };
export type VectorIndex = { name: string; vectorField: string; dimensions: number; filterFields: string[] };

export type TableDeclaration = {
  name: string;
  validator: ValidatorJson;
  indexes: IndexDeclaration[];
  searchIndexes: SearchIndex[];
  vectorIndexes: VectorIndex[];
};

export type Schema = {
  /** Whether documents must match their table's validator. */
  isEnforced: boolean;
  tables: Map<string, TableDeclaration>;
};

type ExportedSchema = {
  schemaValidation: boolean;
  tables: {
    tableName: string;
    documentType: ValidatorJson;
    indexes: { indexDescriptor: string; fields: string[] }[];
    searchIndexes?: { indexDescriptor: string; searchField: string; filterFields: string[] }[];
    vectorIndexes?: { indexDescriptor: string; vectorField: string; dimensions: number; filterFields: string[] }[];
  }[];
};

const IDENTIFIER = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;
const RESERVED_INDEXES = new Set(["by_id", "by_creation_time"]);
const MAX_INDEXES = 64;

export const NO_SCHEMA: Schema = { isEnforced: false, tables: new Map() };

/** Read the default export of a schema module.
 *  @throws StartRefused when a name or an index is not one that Convex accepts. */
export function readSchema(exported: unknown): Schema {
  if (typeof exported !== "object" || exported === null || !("export" in exported)) {
    throw new StartRefused("schema.ts must export `defineSchema(...)` as its default export");
  }
  const text = (exported as { export: () => string }).export();
  const { tables, schemaValidation } = JSON.parse(text) as ExportedSchema;
  const schema: Schema = { isEnforced: schemaValidation, tables: new Map() };
  for (const table of tables) {
    checkName("Table", table.tableName);
    const declaration: TableDeclaration = {
      name: table.tableName,
      validator: table.documentType,
      indexes: table.indexes.map((index) => ({ name: index.indexDescriptor, fields: index.fields })),
      searchIndexes: (table.searchIndexes ?? []).map((index) => ({ ...index, name: index.indexDescriptor })),
      vectorIndexes: (table.vectorIndexes ?? []).map((index) => ({ ...index, name: index.indexDescriptor })),
    };
    checkIndexes(declaration);
    schema.tables.set(table.tableName, declaration);
  }
  return schema;
}

function checkName(what: string, name: string): void {
  if (!IDENTIFIER.test(name)) {
    throw new StartRefused(
      `Invalid ${what.toLowerCase()} name "${name}": ${what} names must start with a letter and hold letters, ` +
        "digits and underscores only",
    );
  }
}

function checkIndexes(table: TableDeclaration): void {
  const seen = new Set<string>();
  const all = [...table.indexes, ...table.searchIndexes, ...table.vectorIndexes];
  if (all.length > MAX_INDEXES) throw new StartRefused(`Table "${table.name}" has more than ${MAX_INDEXES} indexes`);
  for (const { name } of all) {
    checkName("Index", name);
    if (RESERVED_INDEXES.has(name)) {
      throw new StartRefused(`In table "${table.name}" cannot name an index "${name}": the name is reserved`);
    }
    if (seen.has(name)) throw new StartRefused(`Table "${table.name}" has two indexes named "${name}"`);
    seen.add(name);
  }
  for (const { name, fields } of table.indexes) {
    if (fields.length === 0 || fields.length > 16) {
      throw new StartRefused(`Index "${table.name}.${name}" must have 1 to 16 fields`);
    }
    if (new Set(fields).size !== fields.length) {
      throw new StartRefused(`Index "${table.name}.${name}" names a field twice`);
    }
    if (fields.includes("_id") || fields.at(-1) === "_creationTime") {
      throw new StartRefused(`Index "${table.name}.${name}" must not end in _creationTime nor hold _id: Convex adds them itself`);
    }
  }
}

const field = (fieldType: ValidatorJson, optional = false) => ({ fieldType, optional });

/** The system tables, with the index that the scheduler itself needs. */
export const SYSTEM_TABLES: TableDeclaration[] = [
  {
    name: "_scheduled_functions",
    validator: { type: "any" },
    indexes: [{ name: "_by_state", fields: ["state.kind", "scheduledTime"] }],
    searchIndexes: [],
    vectorIndexes: [],
  },
  {
    name: "_storage",
    validator: {
      type: "object",
      value: {
        sha256: field({ type: "string" }),
        size: field({ type: "number" }),
        contentType: field({ type: "string" }, true),
      },
    },
    indexes: [],
    searchIndexes: [],
    vectorIndexes: [],
  },
];
