// What stood at a path before or after a change; undefined: nothing.
import type { Infer } from "convex/values";
import type { Doc } from "../../_generated/dataModel";
import { only } from "../rows.ts";
import { fileSide } from "../validators.ts";

export type Side = Infer<typeof fileSide>;

export function sideOf(row: Doc<"files">): Side {
  return only(fileSide, row);
}

export function isSame(one: Side | undefined, other: Side | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const names = Object.keys(fileSide.fields) as (keyof Side)[];
  return names.every((name) => one[name] === other[name]);
}
