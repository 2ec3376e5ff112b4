// The settings of a project, for the signed-in person. The API refuses registries that its operator does not allow; one
// that is named here all the same is reached by nobody.
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";
import { callerId, ownedProject } from "./model/access.ts";
import { changeSettings } from "./model/settings.ts";
import { projectSettings, settingsChange } from "./model/validators.ts";

/** What the project has chosen; a field that is absent is as everywhere. */
export const get = query({
  args: { projectId: v.id("projects") },
  returns: projectSettings,
  handler: async (ctx, { projectId }) => (await ownedProject(ctx, await callerId(ctx), projectId)).settings ?? {},
});

/** Changes those fields that are given; null takes one back. Messages that are sent from now on go by it. */
export const update = mutation({
  args: { projectId: v.id("projects"), change: settingsChange },
  returns: projectSettings,
  handler: async (ctx, { projectId, change }) => {
    const project = await ownedProject(ctx, await callerId(ctx), projectId);
    return (await changeSettings(ctx, project, change)).settings ?? {};
  },
});
