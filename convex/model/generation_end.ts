// The end of a project's generation: the one way out of "processing".
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { appendEvent } from "./events.ts";
import type { Final } from "./messages.ts";
import type { NewEvent } from "./outbox.ts";

type Row = Doc<"projectGenerations">;

const MAX_ERROR_CHARS = 2_000;

interface Ending {
  status: Final;
  verification?: Row["verification"];
  error?: string;
  errorCode?: string;
}

export async function close(ctx: MutationCtx, row: Row, ending: Ending): Promise<void> {
  await ctx.db.patch(row._id, { ...ending, error: ending.error?.slice(0, MAX_ERROR_CHARS), endedAt: Date.now() });
  const step = row.currentStep ?? "generate-project";
  const lines = {
    completed: { type: "step" as const, message: "Completed generate-project" },
    failed: { type: "error" as const, message: `${step} failed: ${ending.error ?? "unknown"}` },
    cancelled: { type: "info" as const, message: "Generation cancelled" },
  };
  await appendEvent(ctx, `${row._id}:end`, { projectId: row.projectId, ...lines[ending.status] });
}

/** An answer that was cancelled or failed ends the generation of which it is a step. */
export async function endWith(
  ctx: MutationCtx,
  generation: Doc<"generations">,
  { status, error, errorCode }: Pick<Ending, "status" | "error" | "errorCode">,
): Promise<void> {
  if (generation.projectGenerationId === undefined || status === "completed") return;
  const row = await ctx.db.get(generation.projectGenerationId);
  if (row?.status !== "processing" || row.messageId !== generation.messageId) return;
  await close(ctx, row, { status, error, errorCode });
}

/** What stops the run behind a generation that was cancelled. */
export function stopEvent(projectGenerationId: Row["_id"], userId: string): NewEvent {
  return {
    eventId: `${projectGenerationId}:cancelled`,
    name: "project/generate-cancelled",
    data: { projectGenerationId },
    userId,
  };
}
