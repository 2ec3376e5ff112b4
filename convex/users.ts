// The signed-in person and their plan, as front ends with a billing page read them.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";
import { callerId } from "./model/access.ts";
import { denied, refused } from "./model/errors.ts";
import { billingDoc, keepUser, projectCount, subscriptionDoc, toBilling, toSubscription } from "./model/plans.ts";

const NO_TRIALS = "There are no trials here: a plan is changed where the operator of this installation bills";

export const getOrCreateUser = mutation({
  args: {},
  returns: v.id("users"),
  handler: async (ctx) => {
    const identity = await ctx.auth.getUserIdentity();
    if (identity === null) throw denied("Unauthorized");
    return (await keepUser(ctx, identity))._id;
  },
});

export const getSubscription = query({
  args: {},
  returns: subscriptionDoc,
  handler: async (ctx) => await toSubscription(ctx, await callerId(ctx)),
});

export const getBillingStatus = query({
  args: {},
  returns: billingDoc,
  handler: async (ctx) => await toBilling(ctx, await callerId(ctx)),
});

export const getProjectCount = query({
  args: {},
  returns: v.number(),
  handler: async (ctx) => await projectCount(ctx, await callerId(ctx)),
});

export const startTrial = mutation({
  args: { tier: v.union(v.literal("pro_monthly"), v.literal("pro_yearly")) },
  returns: v.null(),
  handler: async (ctx) => {
    await callerId(ctx);
    throw refused("no_trials", NO_TRIALS);
  },
});

export const cancelTrial = mutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    await callerId(ctx);
    throw refused("no_trials", NO_TRIALS);
  },
});
