// What a table's rows look like is declared once, in schema.ts; what callers see of a row is picked from that.
import type { GenericValidator, VObject } from "convex/values";

type Fields = Record<string, GenericValidator>;

/** The fields of a row that `shape` names. */
export function only<Shape extends object>(shape: VObject<Shape, Fields>, row: Shape): Shape {
  const names = Object.keys(shape.fields) as (keyof Shape)[];
  return Object.fromEntries(names.map((name) => [name, row[name]])) as Shape;
}

/** What a text takes of a row, which holds 1 MiB. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
