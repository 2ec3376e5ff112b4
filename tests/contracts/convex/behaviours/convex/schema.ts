// Tables of the folder that the contract tests run on both servers. Only tests write and read them.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export const shape = v.union(
  v.object({ kind: v.literal("circle"), radius: v.number() }),
  v.object({ kind: v.literal("square"), side: v.number() }),
);

export default defineSchema({
  values: defineTable({ key: v.string(), value: v.any() }).index("by_key", ["key"]),
  typed: defineTable({
    shape,
    scores: v.record(v.string(), v.number()),
    note: v.union(v.null(), v.string()),
    tags: v.optional(v.array(v.string())),
    count: v.optional(v.int64()),
    raw: v.optional(v.bytes()),
    owner: v.optional(v.id("values")),
  }),
  rows: defineTable({
    label: v.string(),
    a: v.optional(v.any()),
    b: v.optional(v.any()),
    deep: v.optional(v.object({ x: v.optional(v.any()) })),
  })
    .index("by_a_b", ["a", "b"])
    .index("by_deep", ["deep.x"]),
  posts: defineTable({ list: v.string(), rank: v.number(), text: v.string() })
    .index("by_list", ["list", "rank"])
    .searchIndex("by_text", { searchField: "text", filterFields: ["list"] }),
  accounts: defineTable({ name: v.string(), balance: v.number() }).index("by_name", ["name"]),
  vectors: defineTable({ name: v.string(), group: v.string(), embedding: v.array(v.float64()) }).vectorIndex("by_embedding", {
    vectorField: "embedding",
    dimensions: 2,
    filterFields: ["group"],
  }),
});
