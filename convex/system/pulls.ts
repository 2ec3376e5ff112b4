// Pulls and pull requests, for the API and for jobs.
import { v } from "convex/values";
import { ownedProject } from "../model/access.ts";
import { conflict, refused } from "../model/errors.ts";
import { systemMutation } from "../model/functions.ts";
import { applyBatch, pullBatch } from "../model/pulling.ts";
import { outboxRecord, transferRecord } from "../model/records.ts";
import { existing, request as requestTransfer } from "../model/transfers.ts";
import { outboxData } from "../model/validators.ts";

const EVENTS = { pull: "github/pull.requested", pullRequest: "github/pull-request.requested" } as const;

/** A pull into a project, or a pull request from it, and the event that has it done: at once, once per key. */
export const request = systemMutation({
  args: {
    ownerId: v.string(),
    projectId: v.string(),
    externalId: v.string(),
    kind: v.union(v.literal("pull"), v.literal("pullRequest")),
    data: outboxData,
  },
  returns: v.object({ transfer: transferRecord, eventId: v.string(), events: v.array(outboxRecord) }),
  handler: async (ctx, { ownerId, projectId, externalId, kind, data }) => {
    const project = await ownedProject(ctx, ownerId, projectId);
    if (project.repository === undefined) {
      throw refused("no_repository", "This project has no repository yet: import it from one, or export it to one, first");
    }
    return await requestTransfer(ctx, project, { kind, externalId, name: EVENTS[kind], data });
  },
});

/** A batch of a pull. Refused once the transfer is over, and where a file is not what the merge went by. */
export const apply = systemMutation({
  args: { transferId: v.string(), batch: pullBatch },
  returns: v.null(),
  handler: async (ctx, { transferId, batch }) => {
    const row = await existing(ctx, transferId);
    const project = await ctx.db.get(row.projectId);
    if (row.status !== "running" || row.kind !== "pull" || project === null || project.deletedAt !== undefined) {
      throw conflict("transfer_over", "This transfer is over");
    }
    await applyBatch(ctx, row, project, batch);
    return null;
  },
});
