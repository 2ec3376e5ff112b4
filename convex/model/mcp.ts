// What a project has to do with MCP: the servers that it names, and the token by which its own tools are used.
import type { Infer } from "convex/values";
import type { Doc, Id } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refused } from "./errors.ts";
import type { mcpServer } from "./validators.ts";

const MAX_SERVERS = 10;
const MAX_CHARS = 200_000; // of all servers together; sealed values are longer than what was given
const RECENT_CALLS = 100; // a change is sent again within seconds, and 8 calls run at a time

type McpServer = Infer<typeof mcpServer>;

/** The servers that a project names, in its order. */
export async function serversOf(ctx: QueryCtx, projectId: Id<"projects">): Promise<McpServer[]> {
  return (await serversRow(ctx, projectId))?.servers ?? [];
}

/** Replaces the servers that a project names. What they hold was checked by the API; this bounds the row. */
export async function nameServers(ctx: MutationCtx, projectId: Id<"projects">, servers: McpServer[]): Promise<void> {
  if (servers.length > MAX_SERVERS) throw refused("bad_mcp_servers", `A project can name at most ${MAX_SERVERS} MCP servers`);
  if (JSON.stringify(servers).length > MAX_CHARS) throw refused("bad_mcp_servers", "The MCP servers of a project are too long");
  const row = await serversRow(ctx, projectId);
  if (row === null) await ctx.db.insert("mcpServers", { projectId, servers });
  else await ctx.db.patch(row._id, { servers });
}

/** Gives a project another token; the one before holds no more. Giving the same again changes nothing. */
export async function giveToken(ctx: MutationCtx, projectId: Id<"projects">, hash: string): Promise<void> {
  const row = await tokenOf(ctx, projectId);
  if (row?.hash === hash) return;
  if (row !== null) await ctx.db.delete(row._id);
  await ctx.db.insert("mcpTokens", { projectId, hash, recentCalls: [] });
}

export async function tokenOf(ctx: QueryCtx, projectId: Id<"projects">): Promise<Doc<"mcpTokens"> | null> {
  return await ctx.db
    .query("mcpTokens")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .unique();
}

export async function tokenWith(ctx: QueryCtx, hash: string): Promise<Doc<"mcpTokens"> | null> {
  return await ctx.db
    .query("mcpTokens")
    .withIndex("by_hash", (q) => q.eq("hash", hash))
    .unique();
}

/** Whether this is the first time that the changes of a call arrive; from now on it is not. */
export async function isFirst(ctx: MutationCtx, token: Doc<"mcpTokens">, callId: string): Promise<boolean> {
  if (token.recentCalls.includes(callId)) return false;
  await ctx.db.patch(token._id, { recentCalls: [...token.recentCalls, callId].slice(-RECENT_CALLS) });
  return true;
}

async function serversRow(ctx: QueryCtx, projectId: Id<"projects">): Promise<Doc<"mcpServers"> | null> {
  return await ctx.db
    .query("mcpServers")
    .withIndex("by_project", (q) => q.eq("projectId", projectId))
    .unique();
}
