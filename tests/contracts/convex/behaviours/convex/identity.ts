// Who is asking.
import { internal } from "./_generated/api";
import { action, internalQuery, mutation, query } from "./_generated/server";

export const me = query({
  args: {},
  handler: async (ctx) => {
    const identity = await ctx.auth.getUserIdentity();
    if (identity === null) return null;
    const { subject, issuer, tokenIdentifier, name, email } = identity;
    return { subject, issuer, tokenIdentifier, name: name ?? null, email: email ?? null, role: identity["role"] ?? null };
  },
});

export const subject = mutation({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null });

export const inner = internalQuery({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null });

export const throughAction = action({
  args: {},
  handler: async (ctx): Promise<(string | null)[]> => [
    (await ctx.auth.getUserIdentity())?.subject ?? null,
    await ctx.runQuery(internal.identity.inner, {}),
  ],
});
