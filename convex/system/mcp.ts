// MCP, for the API and for runs: the servers that a project names, its token, and what calls with it change.
import { v } from "convex/values";
import { ownedProject } from "../model/access.ts";
import { applyEdits, edit } from "../model/edits.ts";
import { refused } from "../model/errors.ts";
import { Changes } from "../model/files.ts";
import { systemMutation, systemQuery } from "../model/functions.ts";
import { giveToken, isFirst, nameServers, serversOf, tokenOf, tokenWith } from "../model/mcp.ts";
import { mcpServer, projectSettings } from "../model/validators.ts";

const owned = { ownerId: v.string(), projectId: v.string() };

export const servers = systemQuery({
  args: owned,
  returns: v.array(mcpServer),
  handler: async (ctx, { ownerId, projectId }) => await serversOf(ctx, (await ownedProject(ctx, ownerId, projectId))._id),
});

export const setServers = systemMutation({
  args: { ...owned, servers: v.array(mcpServer) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const project = await ownedProject(ctx, args.ownerId, args.projectId);
    await nameServers(ctx, project._id, args.servers);
    return null;
  },
});

export const setToken = systemMutation({
  args: { ...owned, hash: v.string() },
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId, hash }) => {
    await giveToken(ctx, (await ownedProject(ctx, ownerId, projectId))._id, hash);
    return null;
  },
});

/** Withdraws the token of a project; one that has none is left as it is. */
export const dropToken = systemMutation({
  args: owned,
  returns: v.null(),
  handler: async (ctx, { ownerId, projectId }) => {
    const token = await tokenOf(ctx, (await ownedProject(ctx, ownerId, projectId))._id);
    if (token !== null) await ctx.db.delete(token._id);
    return null;
  },
});

/** Whose project the token with this hash is for, and what that has chosen; null for none. */
export const holder = systemQuery({
  args: { hash: v.string() },
  returns: v.union(v.object({ projectId: v.id("projects"), ownerId: v.string(), settings: projectSettings }), v.null()),
  handler: async (ctx, { hash }) => {
    const token = await tokenWith(ctx, hash);
    const project = token && (await ctx.db.get(token.projectId));
    if (!project || project.deletedAt !== undefined) return null;
    return { projectId: project._id, ownerId: project.ownerId, settings: project.settings ?? {} };
  },
});

/** What a call changes, all or none, while its token holds; the changes of a call are made once. */
export const applyChanges = systemMutation({
  args: { hash: v.string(), callId: v.string(), edits: v.array(edit) },
  returns: v.null(),
  handler: async (ctx, { hash, callId, edits }) => {
    const token = await tokenWith(ctx, hash);
    const project = token && (await ctx.db.get(token.projectId));
    if (!token || !project || project.deletedAt !== undefined) throw refused("mcp_token_gone", "The token does not hold any more");
    if (await isFirst(ctx, token, callId)) await applyEdits(new Changes(ctx, project), edits);
    return null;
  },
});
