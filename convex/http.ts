// HTTP actions, at the site address of the deployment: for who calls Convex itself, as the first Polaris front ends did. Who is
// calling is said by `Authorization: Bearer`, a token as for everything else.
import { httpRouter } from "convex/server";
import { ConvexError, v } from "convex/values";
import { internal } from "./_generated/api";
import { httpAction, internalMutation } from "./_generated/server";
import { requestGeneration } from "./model/generation_requests.ts";

const DEFAULT_STACK = "react-vite"; // as that of the API
const MOST_BYTES = 1_000_000;
const STATUS: Record<string, number> = { not_found: 404, conflict: 409, denied: 401 };

export const startGeneration = internalMutation({
  args: {
    ownerId: v.string(),
    externalId: v.string(),
    projectId: v.optional(v.string()),
    name: v.string(),
    description: v.optional(v.string()),
  },
  returns: v.object({ id: v.id("projectGenerations"), projectId: v.id("projects"), conversationId: v.id("conversations") }),
  handler: async (ctx, request) => {
    const { generation } = await requestGeneration(ctx, { ...request, firstStack: DEFAULT_STACK }, { isRelayed: true });
    return { id: generation.projectGenerationId, projectId: generation.projectId, conversationId: generation.conversationId };
  },
});

/** `{projectId?, description}`: makes a whole project, or goes on with one, as `POST /api/projects/generate`. */
export const generateProjectAction = httpAction(async (ctx, request) => {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null) return problem(401, "Unauthorized", "unauthorized");
  const body = await bodyOf(request);
  if (body === null) return problem(400, "Body must be a JSON object of up to 1 MB", "malformed_json");
  const { projectId, description, projectName = "Generated Project" } = body;
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  if (!isText(projectId) || !isText(description) || !isText(projectName)) {
    return problem(400, "projectId, description and projectName must be texts", "invalid_request");
  }
  const externalId = request.headers.get("Idempotency-Key")?.slice(0, 200) ?? crypto.randomUUID();
  const asked = { ownerId: identity.subject, externalId, projectId, description, name: projectName };
  try {
    const started = await ctx.runMutation(internal.http.startGeneration, asked as never);
    return Response.json({ success: true, ...started });
  } catch (error) {
    if (error instanceof ConvexError) return refused(error.data);
    throw error;
  }
});

const http = httpRouter();
http.route({ path: "/generate-project", method: "POST", handler: generateProjectAction });
export default http;

async function bodyOf(request: Request): Promise<Record<string, unknown> | null> {
  const text = await request.text();
  if (text.length > MOST_BYTES) return null;
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body) ? { ...body } : null;
  } catch {
    return null;
  }
}

function refused(data: unknown): Response {
  // Behind a function that a function has called, the data of its error is text.
  const told = (typeof data === "string" ? JSON.parse(data) : data) as Record<string, string>;
  const { kind = "refused", code = "refused", message = "Refused", ...more } = told;
  return problem(code === "project_limit" ? 403 : (STATUS[kind] ?? 400), message, code, more);
}

function problem(status: number, error: string, code: string, more: Record<string, string> = {}): Response {
  return Response.json({ error, code, ...more }, { status });
}
