// Imports, exports, pulls and pull requests, for the signed-in person.
import { v } from "convex/values";
import { query } from "./_generated/server";
import { callerId, ownedProject } from "./model/access.ts";
import { toTransferDoc, transferDoc } from "./model/docs.ts";
import { latestTransfers } from "./model/transfers.ts";

/** The last `limit` (20) transfers of a project, newest first: how far they are, and how they ended. */
export const latest = query({
  args: { projectId: v.id("projects"), limit: v.optional(v.number()) },
  returns: v.array(transferDoc),
  handler: async (ctx, { projectId, limit }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    return (await latestTransfers(ctx, project._id, limit ?? 20)).map(toTransferDoc);
  },
});
