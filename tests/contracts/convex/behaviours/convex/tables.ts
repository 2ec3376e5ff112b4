// Between two tests every table is emptied.
import { mutation } from "./_generated/server";

export const clear = mutation({
  args: {},
  handler: async (ctx) => {
    for (const table of ["values", "typed", "rows", "posts", "accounts", "vectors"] as const) {
      for (const { _id } of await ctx.db.query(table).collect()) await ctx.db.delete(_id);
    }
  },
});
