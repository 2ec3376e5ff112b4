// How many bytes the files of a person take, texts and blobs alike, and how many they may. Counted in the mutation that
// changes a file, never by looking at all of them. What undo keeps and what is attached to messages does not count.
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { refused } from "./errors.ts";

export async function storageUseOf(ctx: QueryCtx, ownerId: string): Promise<Doc<"storageUse"> | null> {
  return await ctx.db
    .query("storageUse")
    .withIndex("by_owner", (q) => q.eq("ownerId", ownerId))
    .unique();
}

/**
 * Counts what a mutation has added to a person's files, or taken away. Refuses what leads past POLARIS_STORAGE_LIMIT_BYTES;
 * not set, any number. Whoever has more than that already may still write what takes less than before.
 */
export async function countBytes(ctx: MutationCtx, ownerId: string, added: number): Promise<void> {
  if (added === 0) return;
  const row = await storageUseOf(ctx, ownerId);
  const before = row?.bytes ?? 0;
  const bytes = Math.max(0, before + added); // files that were kept before there was a count were never added
  const limit = storageLimit();
  if (added > 0 && limit !== undefined && bytes > limit) throw full(before, added, limit);
  if (bytes === 0 && row !== null) await ctx.db.delete(row._id);
  else if (row === null) await ctx.db.insert("storageUse", { ownerId, bytes });
  else await ctx.db.patch(row._id, { bytes });
}

/** How many bytes a person's files may take; undefined: any number. */
export function storageLimit(): number | undefined {
  const limit = Number.parseInt(process.env.POLARIS_STORAGE_LIMIT_BYTES ?? "", 10);
  return limit >= 0 ? limit : undefined;
}

function full(before: number, added: number, limit: number) {
  const text =
    `Your files take ${inWords(before)} of the ${inWords(limit)} that they may, and this would add ${inWords(added)}: ` +
    "delete files or projects that you do not need";
  return refused("quota_exceeded", text, { quota: "storage", currentUsage: String(before), limit: String(limit) });
}

function inWords(bytes: number): string {
  const units = ["kB", "MB", "GB", "TB"];
  let [amount, unit] = [bytes, "bytes"];
  for (const larger of units) {
    if (amount < 1_000) break;
    [amount, unit] = [amount / 1_000, larger];
  }
  return `${unit === "bytes" ? amount : amount.toFixed(1)} ${unit}`;
}
