// Validators of arguments, results and documents, in the JSON form that `convex/values` exports them.
import { type JSONValue, jsonToConvex, type Value } from "convex/values";

export type ValidatorJson =
  | { type: "null" | "number" | "bigint" | "boolean" | "string" | "bytes" | "any" | "commitTs" }
  | { type: "literal"; value: JSONValue }
  | { type: "id"; tableName: string }
  | { type: "array"; value: ValidatorJson }
  | { type: "record"; keys: ValidatorJson; values: FieldJson }
  | { type: "object"; value: Record<string, FieldJson> }
  | { type: "union"; value: ValidatorJson[] };

export type FieldJson = { fieldType: ValidatorJson; optional: boolean };

/** The table that an id belongs to; null when the text is no id or names no table. */
export type TableOfId = (id: string) => string | null;

/** Why the value does not match, in Convex's words, or null when it does.
 *  A mismatch inside an object says its path. */
export function mismatch(validator: ValidatorJson, value: Value | undefined, tableOfId: TableOfId): string | null {
  return check(validator, value, "", tableOfId);
}

function check(validator: ValidatorJson, value: Value | undefined, path: string, tableOfId: TableOfId): string | null {
  switch (validator.type) {
    case "any":
      return value === undefined ? wrong(validator, value, path) : null;
    case "null":
      return value === null ? null : wrong(validator, value, path);
    case "number":
      return typeof value === "number" ? null : wrong(validator, value, path);
    case "bigint":
    case "commitTs":
      return typeof value === "bigint" ? null : wrong(validator, value, path);
    case "boolean":
      return typeof value === "boolean" ? null : wrong(validator, value, path);
    case "string":
      return typeof value === "string" ? null : wrong(validator, value, path);
    case "bytes":
      return value instanceof ArrayBuffer ? null : wrong(validator, value, path);
    case "literal":
      return value === jsonToConvex(validator.value)
        ? null
        : `\`${printValue(value)}\` does not match literal validator \`${printValidator(validator)}\`.${at(path)}`;
    case "id":
      return checkId(validator, value, path, tableOfId);
    case "array":
      if (!Array.isArray(value)) return wrong(validator, value, path);
      return first(value, (item, i) => check(validator.value, item, `${path}[${i}]`, tableOfId));
    case "record":
      return checkRecord(validator, value, path, tableOfId);
    case "object":
      return checkObject(validator, value, path, tableOfId);
    case "union":
      return checkUnion(validator, value, path, tableOfId);
  }
}

function first<T>(items: readonly T[], problem: (item: T, index: number) => string | null): string | null {
  for (let i = 0; i < items.length; i++) {
    const found = problem(items[i] as T, i);
    if (found !== null) return found;
  }
  return null;
}

function checkId(validator: ValidatorJson & { type: "id" }, value: Value | undefined, path: string, tableOfId: TableOfId): string | null {
  if (typeof value !== "string") return wrong(validator, value, path);
  const table = tableOfId(value);
  if (table === null) return wrong(validator, value, path);
  if (table === validator.tableName) return null;
  const from = table.startsWith("_") ? "a system table" : `table \`${table}\``;
  return (
    `Found ID "${value}" from ${from}, which does not match the table name in validator ` + `\`${printValidator(validator)}\`.${at(path)}`
  );
}

type Fields = Record<string, Value | undefined>;

function isObject(value: Value | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
}

function checkRecord(
  validator: ValidatorJson & { type: "record" },
  value: Value | undefined,
  path: string,
  tableOfId: TableOfId,
): string | null {
  if (!isObject(value)) return wrong(validator, value, path);
  return first(Object.entries(value), ([name, item]) => {
    if (item === undefined) return null;
    return (
      check(validator.keys, name, `${path}.keys()`, tableOfId) ?? check(validator.values.fieldType, item, `${path}.values()`, tableOfId)
    );
  });
}

function checkObject(
  validator: ValidatorJson & { type: "object" },
  value: Value | undefined,
  path: string,
  tableOfId: TableOfId,
): string | null {
  if (!isObject(value)) return wrong(validator, value, path);
  const fields = validator.value;
  for (const name in fields) {
    const field = fields[name] as FieldJson;
    const item = Object.hasOwn(value, name) ? value[name] : undefined;
    if (item === undefined) {
      if (field.optional) continue;
      return (
        `Object is missing the required field \`${name}\`. Consider wrapping the field validator in ` +
        `\`v.optional(...)\` if this is expected.\n${objectContext(validator, value, path)}`
      );
    }
    const problem = check(field.fieldType, item, `${path}.${name}`, tableOfId);
    if (problem !== null) return problem;
  }
  for (const name in value) {
    if (value[name] === undefined || Object.hasOwn(fields, name)) continue;
    return `Object contains extra field \`${name}\` that is not in the validator.\n` + objectContext(validator, value, path);
  }
  return null;
}

function checkUnion(
  validator: ValidatorJson & { type: "union" },
  value: Value | undefined,
  path: string,
  tableOfId: TableOfId,
): string | null {
  let lastProblem: string | null = null;
  for (const member of validator.value) {
    lastProblem = check(member, value, path, tableOfId);
    if (lastProblem === null) return null;
  }
  // A union of one says what is wrong inside; otherwise nobody knows which member was meant.
  return validator.value.length === 1 ? lastProblem : wrong(validator, value, path);
}

function at(path: string): string {
  return path === "" ? "" : `Path: ${path}`;
}

function objectContext(validator: ValidatorJson, value: Value | undefined, path: string): string {
  return `${at(path)}\nObject: ${printValue(value)}\nValidator: ${printValidator(validator)}`;
}

function wrong(validator: ValidatorJson, value: Value | undefined, path: string): string {
  return `Value does not match validator.\n${at(path)}\nValue: ${printValue(value)}\nValidator: ${printValidator(validator)}`;
}

const MAX_PRINTED = 4096; // an error is read by a person; a payload is not repeated in it

function printValue(value: Value | undefined): string {
  const text = print(value);
  return text.length > MAX_PRINTED ? `${text.slice(0, MAX_PRINTED)}…` : text;
}

function print(value: Value | undefined): string {
  if (value === undefined) return "undefined";
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (value instanceof ArrayBuffer) return `b"${Buffer.from(value.slice(0, 64)).toString("latin1")}"`;
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  const fields = Object.entries(value as Fields).filter(([, item]) => item !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, item]) => `${name}: ${print(item)}`).join(", ")}}`;
}

/** The validator as source code, as Convex prints it in errors. */
export function printValidator(validator: ValidatorJson): string {
  switch (validator.type) {
    case "number":
      return "v.float64()";
    case "bigint":
      return "v.int64()";
    case "literal":
      return `v.literal(${print(jsonToConvex(validator.value))})`;
    case "id":
      return `v.id("${validator.tableName}")`;
    case "array":
      return `v.array(${printValidator(validator.value)})`;
    case "record":
      return `v.record(${printValidator(validator.keys)}, ${printValidator(validator.values.fieldType)})`;
    case "union":
      return `v.union(${validator.value.map(printValidator).join(", ")})`;
    case "object": {
      const fields = Object.entries(validator.value).sort(([a], [b]) => (a < b ? -1 : 1));
      const printed = fields.map(([name, field]) => {
        const inner = printValidator(field.fieldType);
        return `${name}: ${field.optional ? `v.optional(${inner})` : inner}`;
      });
      return `v.object({${printed.join(", ")}})`;
    }
    default:
      return `v.${validator.type}()`;
  }
}
