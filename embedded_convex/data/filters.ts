// Filter expressions of `.filter(q => …)`, evaluated on one document.
import { compareValues, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { DeveloperError } from "../errors.ts";
import { fieldOf } from "../values/keys.ts";

export type Filter = { [operator: string]: JSONValue };

type Evaluated = Value | undefined;

/** A literal that may be `{$undefined: null}`, which stands for a missing field. */
export function literalOf(json: JSONValue): Evaluated {
  const isUndefined = typeof json === "object" && json !== null && "$undefined" in json;
  return isUndefined ? undefined : jsonToConvex(json);
}

/** Whether the document passes: the expression must give true. */
export function passes(filter: Filter, document: Value): boolean {
  return evaluate(filter, document) === true;
}

function evaluate(filter: Filter, document: Value): Evaluated {
  const [operator, operand] = Object.entries(filter)[0] ?? ["", null];
  switch (operator) {
    case "$literal":
      return literalOf(operand);
    case "$field":
      return fieldOf(document, String(operand).split("."));
    case "$not":
      return !truth(evaluate(operand as Filter, document));
    case "$neg":
      return negate(evaluate(operand as Filter, document));
    case "$and":
      return (operand as Filter[]).every((part) => truth(evaluate(part, document)));
    case "$or":
      return (operand as Filter[]).some((part) => truth(evaluate(part, document)));
    default: {
      const [left, right] = operand as [Filter, Filter];
      return binary(operator, evaluate(left, document), evaluate(right, document));
    }
  }
}

function truth(value: Evaluated): boolean {
  if (typeof value !== "boolean") throw new DeveloperError("Filter expressions of and, or, not must be booleans");
  return value;
}

function binary(operator: string, left: Evaluated, right: Evaluated): Evaluated {
  switch (operator) {
    case "$eq":
      return compareValues(left, right) === 0;
    case "$neq":
      return compareValues(left, right) !== 0;
    case "$lt":
      return compareValues(left, right) < 0;
    case "$lte":
      return compareValues(left, right) <= 0;
    case "$gt":
      return compareValues(left, right) > 0;
    case "$gte":
      return compareValues(left, right) >= 0;
    default:
      return arithmetic(operator, left, right);
  }
}

function negate(value: Evaluated): Evaluated {
  if (typeof value === "number" || typeof value === "bigint") return -value;
  throw new DeveloperError("Filter expression neg takes a number");
}

function arithmetic(operator: string, left: Evaluated, right: Evaluated): Evaluated {
  if (typeof left === "number" && typeof right === "number") {
    return { $add: left + right, $sub: left - right, $mul: left * right, $div: left / right, $mod: left % right }[operator];
  }
  if (typeof left !== "bigint" || typeof right !== "bigint") {
    throw new DeveloperError(`Filter expression ${operator.slice(1)} takes two numbers of the same type`);
  }
  switch (operator) {
    case "$add":
      return BigInt.asIntN(64, left + right);
    case "$sub":
      return BigInt.asIntN(64, left - right);
    case "$mul":
      return BigInt.asIntN(64, left * right);
    default:
      if (right === 0n) throw new DeveloperError("Division by zero in a filter expression");
      return operator === "$div" ? left / right : left % right;
  }
}
