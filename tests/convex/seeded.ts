// A row of a person's in every table there is, made from what the schema says of it: a table that is new is among them.
import type { GenericValidator, Validator } from "convex/values";
import type { Id } from "../../convex/_generated/dataModel";
import type { MutationCtx } from "../../convex/_generated/server";
import schema from "../../convex/schema.ts";
import type { Backend } from "./backend.ts";

type Any = Validator<unknown, "required" | "optional", string>;
type Fields = Record<string, Any>;

export const TABLES = Object.keys(schema.tables) as (keyof typeof schema.tables)[];

/** What changes what a row is, rather than what is in it. */
const LEFT_OUT = new Set(["deletedAt", "parentCall", "steers", "editedFrom", "copiedBefore"]);

/** A row of `resultImages` holds the blobs that the other two name. */
const HELD = new Set(["messages", "resultParts", "resultImages"]);
interface Shared {
  blob?: Id<"_storage">;
}

const WHOSE = new Set(["ownerId", "userId"]);

function fieldsOf(table: string): Fields {
  return (schema.tables[table as (typeof TABLES)[number]].validator as unknown as { fields: Fields }).fields;
}

/** The tables whose rows the fields must name. */
function needed(fields: Fields): string[] {
  return Object.values(fields).flatMap((field) => {
    const { kind, isOptional, tableName } = field as unknown as { kind: string; isOptional: string; tableName?: string };
    return kind === "id" && isOptional === "required" && tableName !== undefined && tableName !== "_storage" ? [tableName] : [];
  });
}

/** Writes the rows; gives their ids by table. Every text in them begins with `marker`. */
export async function seed({ t }: Backend, ownerId: string, marker: string): Promise<Record<string, string>> {
  return await t.run(async (ctx) => {
    const ids: Record<string, string> = {};
    const shared: Shared = {};
    const open = TABLES.filter((table) => table !== "accountDeletions");
    while (open.length > 0) {
      const at = open.findIndex((table) => needed(fieldsOf(table)).every((name) => name in ids));
      const [table] = open.splice(at, 1);
      if (at < 0 || table === undefined) throw new Error(`rows that name each other: ${open.join(", ")}`);
      const row = await new Maker(ctx as never, { ids, ownerId, marker, table, shared }).object(fieldsOf(table));
      ids[table] = await ctx.db.insert(table, row as never);
    }
    return ids;
  });
}

class Maker {
  constructor(
    private readonly ctx: MutationCtx,
    private readonly given: { ids: Record<string, string>; ownerId: string; marker: string; table: string; shared: Shared },
  ) {}

  async object(fields: Fields): Promise<Record<string, unknown>> {
    const made: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      if (LEFT_OUT.has(name)) continue;
      const value = WHOSE.has(name) ? this.given.ownerId : await this.value(field, name);
      if (value !== undefined) made[name] = value;
    }
    return made;
  }

  private async value(validator: GenericValidator, name: string): Promise<unknown> {
    const it = validator as never as {
      kind: string;
      tableName: string;
      fields: Fields;
      members: GenericValidator[];
      element: GenericValidator;
      value: unknown;
    };
    switch (it.kind) {
      case "string":
        return name === "day" ? "2026-11-28" : `${this.given.marker} ${name}`;
      case "float64":
        return 1;
      case "boolean":
        return true;
      case "literal":
        return it.value;
      case "id":
        return it.tableName === "_storage" ? await this.blob() : this.given.ids[it.tableName];
      case "object":
        return await this.object(it.fields);
      case "array":
        return [await this.value(it.element, name)].filter((value) => value !== undefined);
      case "record":
        return { key: `${this.given.marker} ${name}` };
      case "union":
        return await this.value(it.members[0] as GenericValidator, name);
      case "any":
        return `${this.given.marker} ${name}`;
      default:
        throw new Error(`nothing is known of ${it.kind}, which ${name} is`);
    }
  }

  private async blob(): Promise<Id<"_storage">> {
    const { storage } = this.ctx as unknown as { storage: { store: (blob: Blob) => Promise<Id<"_storage">> } };
    const store = async () => await storage.store(new Blob([this.given.marker]));
    if (!HELD.has(this.given.table)) return await store();
    this.given.shared.blob ??= await store();
    return this.given.shared.blob;
  }
}

/** Every row of every table, as texts. */
export async function everything({ t }: Backend): Promise<Record<string, string[]>> {
  return await t.run(async (ctx) => {
    const found: Record<string, string[]> = {};
    for (const table of TABLES) {
      const rows = await ctx.db.query(table).collect();
      found[table] = rows.map((row) => JSON.stringify(row));
    }
    const blobs = await ctx.db.system.query("_storage").collect();
    found._storage = await Promise.all(blobs.map(async ({ _id }) => `${_id} ${(await (await ctx.storage.get(_id))?.text()) ?? ""}`));
    return found;
  });
}
