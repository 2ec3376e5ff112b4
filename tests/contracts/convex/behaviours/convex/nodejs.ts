"use node";
// Actions that use Node's own modules.
import { createHash } from "node:crypto";
import { v } from "convex/values";
import { action } from "./_generated/server";

export const sha256 = action({
  args: { text: v.string() },
  handler: async (_, { text }) => createHash("sha256").update(text).digest("hex"),
});
