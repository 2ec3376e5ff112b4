// A module in a folder, and a function that is its default export.
import { v } from "convex/values";
import { query } from "../_generated/server";

export const named = query({ args: { x: v.number() }, handler: async (_, { x }) => x + 1 });

export default query({ args: {}, handler: async () => "by default" });
