// People's plans, for the API: kept as the operator's billing says, and how much of them is used.
import { v } from "convex/values";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { keepPlan, limitOf, plan, projectCount, userOf } from "../model/plans.ts";

export const keep = systemMutation({
  args: { ownerId: v.string(), plan },
  returns: v.null(),
  handler: async (ctx, { ownerId, plan: said }) => {
    await keepPlan(ctx, ownerId, said);
    return null;
  },
});

/** A limit of -1 is none. */
export const usage = systemQuery({
  args: { ownerId: v.string() },
  returns: v.object({ projects: v.number(), projectLimit: v.number(), tier: plan.fields.tier, status: plan.fields.status }),
  handler: async (ctx, { ownerId }) => {
    const user = await userOf(ctx, ownerId);
    return {
      projects: await projectCount(ctx, ownerId),
      projectLimit: limitOf(user),
      tier: user?.tier ?? "free",
      status: user?.status ?? "free",
    };
  },
});
