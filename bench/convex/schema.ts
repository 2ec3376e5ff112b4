// Tables of the store bench.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  // Written and read by `make bench SUITE=store` alone. `n` counts within a group.
  rows: defineTable({ group: v.string(), n: v.number(), text: v.string() }).index("by_group", ["group", "n"]),
});
