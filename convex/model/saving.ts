// What an editor saves that names no hash: unchanged front ends read a file once, when it is opened, and write all of it while
// its person types. What an agent (or anybody else) has written since is no part of that text, and must not go with it.
import type { Doc } from "../_generated/dataModel";
import type { QueryCtx } from "../_generated/server";
import { baseOf, dropBase } from "./bases.ts";
import { linesOf, merged } from "./checkpoints/lines.ts";
import { conflict } from "./errors.ts";
import { type Changes, contentFromText, writeFile } from "./files.ts";
import { textOf } from "./texts.ts";

const TELLING_CHARS = 4; // of a line that is told from others: not a brace, not nothing

/**
 * Saves an editor's text. With `expected`, the hash that it last saw, nothing else is overwritten. Without it, what others
 * have written since an editor saved last is kept: both are merged by line, and refused where both changed the same ones.
 */
export async function saveText(changes: Changes, file: Doc<"files">, text: string, expected?: string): Promise<Doc<"files">> {
  const { ctx } = changes;
  changes.isEditors = true;
  const base = expected === undefined ? await baseOf(ctx, file) : null;
  const whole = base === null ? text : await withBoth(ctx, file, base, text);
  // The text of a link is shown as its content: saved, it is a link still.
  const row = await writeFile(changes, file.path, { ...(await contentFromText(whole)), mode: file.mode }, expected);
  if (base === null || whole === text) await dropBase(ctx, file);
  else await ctx.db.patch(base._id, { text, keptAt: Date.now() }); // the editor shows its own text still
  return row;
}

async function withBoth(ctx: QueryCtx, file: Doc<"files">, { text: base }: Doc<"editorBases">, text: string): Promise<string> {
  const current = await textOf(ctx, file);
  if (current === text || (current !== null && base !== undefined && isMadeOf(text, current, base))) return text;
  // An editor that saves what it has read may be old, or its person took back what others wrote: nobody can tell.
  const whole = current === null || base === undefined || base === text ? null : merged(base, current, text);
  if (whole !== null) return whole;
  const what = `"${file.path}" was changed by the agent or elsewhere since this text was read, so nothing was saved`;
  throw conflict("file_changed", `${what}; open the file again, or send expectedSha256`);
}

/**
 * Whether the editor had `current` and not `base` when its person changed it, by what it saves: it has lines that came with
 * `current`, or none that went with it, or else is closer to it.
 */
function isMadeOf(text: string, current: string, base: string): boolean {
  const [mine, now, then] = [telling(text), telling(current), telling(base)];
  for (const line of now) if (!then.has(line) && mine.has(line)) return true;
  for (const line of then) if (!now.has(line) && mine.has(line)) return false;
  return changedChars(text, current) < changedChars(text, base);
}

function telling(text: string): Set<string> {
  const lines = linesOf(text).map((line) => line.trim());
  return new Set(lines.filter((line) => line.length >= TELLING_CHARS));
}

/** How much stands between what two texts begin and end with alike. */
function changedChars(one: string, other: string): number {
  const shortest = Math.min(one.length, other.length);
  let start = 0;
  while (start < shortest && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < shortest - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end += 1;
  return Math.max(one.length, other.length) - start - end;
}
