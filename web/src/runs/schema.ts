// JSON Schema as models of events have it: data to begin with, and what of some data does not fit. Pure.
// Only what such models say is known; what is not known is taken, and the server has the last word.
import { isObject } from "../ui/json.ts";

export interface Schema {
  readonly [word: string]: unknown;
}

const DEEPEST = 8; // a model may hold itself

/** The least that fits, with the defaults of what may be left out. */
export function exampleOf(schema: Schema, root = schema, depth = 0): unknown {
  const model = resolved(schema, root);
  if ("default" in model) return model["default"];
  if ("const" in model) return model["const"];
  const [one] = listOf(model["enum"]);
  if (one !== undefined) return one;
  const [first] = choicesOf(model);
  if (first !== undefined) return depth > DEEPEST ? null : exampleOf(first, root, depth + 1);
  switch (model["type"]) {
    case "object":
      return depth > DEEPEST ? {} : objectOf(model, root, depth);
    case "array":
      return [];
    case "integer":
    case "number":
      return typeof model["minimum"] === "number" ? model["minimum"] : 0;
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}

function objectOf(model: Schema, root: Schema, depth: number): unknown {
  const required = new Set(listOf(model["required"]));
  const fields = Object.entries(fieldsOf(model)).filter(([name, field]) => required.has(name) || "default" in field);
  return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(field, root, depth + 1)]));
}

/** What does not fit, a sentence each; each place by its path. */
export function problemsOf(schema: Schema, value: unknown, path = "", root = schema): readonly string[] {
  const model = resolved(schema, root);
  const place = path === "" ? "The data" : path;
  const choices = choicesOf(model);
  if (choices.length > 0) return ofChoices(choices, value, path, root);
  if ("const" in model && model["const"] !== value) return [`${place} has to be ${JSON.stringify(model["const"])}.`];
  const allowed = listOf(model["enum"]);
  if (allowed.length > 0 && !allowed.includes(value))
    return [`${place} has to be one of ${allowed.map((each) => JSON.stringify(each)).join(", ")}.`];
  const type = model["type"];
  if (typeof type === "string" && !isOf(type, value)) return [`${place} has to be ${NAMES[type] ?? type}.`];
  if (Array.isArray(value)) {
    const items = model["items"];
    return isObject(items) ? value.flatMap((each, at) => problemsOf(items, each, `${path}[${at}]`, root)) : [];
  }
  if (isObject(value)) return ofObject(model, value, path, root);
  return ofBounds(model, value, place);
}

/** One choice has to fit; of null and one other, what is wrong is said of the other. */
function ofChoices(choices: readonly Schema[], value: unknown, path: string, root: Schema): readonly string[] {
  const found = choices.map((each) => problemsOf(each, value, path, root));
  if (found.some((problems) => problems.length === 0)) return [];
  const real = choices.flatMap((each, at) => (resolved(each, root)["type"] === "null" ? [] : [found[at] ?? []]));
  return real.length === 1 ? (real[0] ?? []) : [`${path === "" ? "The data" : path} is none of what it may be.`];
}

function ofObject(model: Schema, value: Schema, path: string, root: Schema): readonly string[] {
  const fields = fieldsOf(model);
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const missing = listOf(model["required"]).filter((name) => !Object.hasOwn(value, String(name)));
  const unknown = model["additionalProperties"] === false ? Object.keys(value).filter((name) => !Object.hasOwn(fields, name)) : [];
  return [
    ...missing.map((name) => `${at(String(name))} is missing.`),
    ...unknown.map((name) => `${at(name)} is not known.`),
    ...Object.entries(value).flatMap(([name, each]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return field === undefined ? [] : problemsOf(field, each, at(name), root);
    }),
  ];
}

function ofBounds(model: Schema, value: unknown, place: string): readonly string[] {
  const { minLength, maxLength, minimum, maximum } = model as Record<string, number | undefined>;
  if (typeof value === "string") {
    if (minLength !== undefined && value.length < minLength) return [`${place} has to have at least ${minLength} characters.`];
    if (maxLength !== undefined && value.length > maxLength) return [`${place} may have ${maxLength} characters at most.`];
  }
  if (typeof value === "number") {
    if (minimum !== undefined && value < minimum) return [`${place} has to be at least ${minimum}.`];
    if (maximum !== undefined && value > maximum) return [`${place} may be ${maximum} at most.`];
  }
  return [];
}

const NAMES: Readonly<Record<string, string>> = {
  object: "an object",
  array: "a list",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  string: "a text",
  null: "null",
};

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return !(type in NAMES) || typeof value === type;
  }
}

function resolved(schema: Schema, root: Schema): Schema {
  const [, name] = /^#\/\$defs\/(.+)$/.exec(String(schema["$ref"] ?? "")) ?? [];
  const defined = name === undefined || !isObject(root["$defs"]) ? undefined : root["$defs"][name];
  if (!isObject(defined)) return schema;
  const { $ref: _, ...more } = schema; // a default may stand beside it
  return { ...defined, ...more };
}

function choicesOf(model: Schema): readonly Schema[] {
  return [...listOf(model["anyOf"]), ...listOf(model["oneOf"])].filter(isObject);
}

function fieldsOf(model: Schema): Readonly<Record<string, Schema>> {
  return isObject(model["properties"]) ? (model["properties"] as Record<string, Schema>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
