// Arguments judged by our own code, for functions that must look at something else before: Convex judges `args` before
// it runs anything.
import type { GenericValidator, ObjectType, PropertyValidators } from "convex/values";
import type { QueryCtx } from "../_generated/server";

type Fields = Record<string, unknown>;

/** `args` as `validators` describe them. Throws, as Convex does, for anything else. */
export function checkedArguments<A extends PropertyValidators>(ctx: QueryCtx, validators: A, args: Fields): ObjectType<A> {
  const problem = objectProblem(ctx, validators, args, "");
  if (problem !== null) throw new Error(`ArgumentValidationError: ${problem}`);
  return args as ObjectType<A>;
}

/** Where and why a value does not match, or null. */
function problemOf(ctx: QueryCtx, validator: GenericValidator, value: unknown, path: string): string | null {
  const expected = (holds: boolean) => (holds ? null : `${path} must be ${validator.kind}`);
  switch (validator.kind) {
    case "any":
      return expected(value !== undefined);
    case "null":
      return expected(value === null);
    case "string":
    case "boolean":
      return expected(typeof value === validator.kind);
    case "float64":
      return expected(typeof value === "number");
    case "int64":
      return expected(typeof value === "bigint");
    case "bytes":
      return expected(value instanceof ArrayBuffer);
    case "literal":
      return value === validator.value ? null : `${path} must be ${JSON.stringify(validator.value)}`;
    case "id":
      return isId(ctx, validator.tableName, value) ? null : `${path} must be an id of ${validator.tableName}`;
    case "array":
      if (!Array.isArray(value)) return expected(false);
      return first(value, (item, i) => problemOf(ctx, validator.element, item, `${path}[${i}]`));
    case "record":
      if (!isPlainObject(value)) return expected(false);
      return first(
        Object.entries(value),
        ([key, item]) => problemOf(ctx, validator.key, key, `a name in ${path}`) ?? problemOf(ctx, validator.value, item, `${path}.${key}`),
      );
    case "object":
      if (!isPlainObject(value)) return expected(false);
      return objectProblem(ctx, validator.fields as PropertyValidators, value, `${path}.`);
    case "union": {
      const problems = validator.members.map((member) => problemOf(ctx, member, value, path));
      return problems.includes(null) ? null : problems.join(", or ");
    }
    default:
      throw new Error("a kind of validator that is not known here");
  }
}

function objectProblem(ctx: QueryCtx, validators: PropertyValidators, value: Fields, prefix: string): string | null {
  const extra = Object.keys(value).find((name) => !Object.hasOwn(validators, name));
  if (extra !== undefined) return `${prefix}${extra} is not known`;
  return first(Object.entries(validators), ([name, validator]) => {
    const field = value[name];
    if (field !== undefined) return problemOf(ctx, validator, field, prefix + name);
    return validator.isOptional === "optional" ? null : `${prefix}${name} is missing`;
  });
}

function first<T>(items: T[], problem: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const found = problem(item, index);
    if (found !== null) return found;
  }
  return null;
}

function isId(ctx: QueryCtx, table: string, value: unknown): boolean {
  if (typeof value !== "string") return false;
  const db = table.startsWith("_") ? ctx.db.system : ctx.db;
  return db.normalizeId(table as never, value) !== null;
}

function isPlainObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
}
