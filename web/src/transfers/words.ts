// How far an import, an export, a pull or a pull request is, in words. Pure.
import type { FunctionReturnType } from "convex/server";
import type { api } from "../../../convex/_generated/api.js";

export type Transfer = FunctionReturnType<typeof api.transfers.latest>[number];

const PHASES: Readonly<Record<string, string>> = {
  queued: "Waiting for its turn",
  resolving: "Looking for the repository",
  waiting: "GitHub takes no request for now; it goes on by itself",
  fetching: "Fetching from GitHub",
  writing: "Writing files",
  reading: "Reading files",
  pushing: "Pushing to GitHub",
  opening: "Opening the pull request",
  merging: "Merging",
};

export const KIND_WORDS: Readonly<Record<Transfer["kind"], string>> = {
  import: "Import",
  export: "Export",
  pull: "Pull",
  pullRequest: "Pull request",
};

/** What it does now, with how much of it is done. */
export function phaseWords({ phase = "queued", done, total, bytes, waitingUntil }: Transfer): string {
  const what = PHASES[phase] ?? phase;
  if (phase === "waiting" && waitingUntil !== undefined) return `${what}, at ${new Date(waitingUntil).toLocaleTimeString()}`;
  if (total > 0) return `${what}: ${done.toLocaleString()} of ${total.toLocaleString()}`;
  return bytes === undefined ? what : `${what}: ${sizeWords(bytes)}`;
}

/** How it ended. */
export function endWords({ kind, status, done, error }: Transfer): string {
  if (status === "failed") return error ?? `${KIND_WORDS[kind]} failed.`;
  if (status === "cancelled") return error ?? `${KIND_WORDS[kind]} stopped.`;
  const files = `${done.toLocaleString()} ${done === 1 ? "file" : "files"}`;
  return { import: `${files} imported.`, export: `${files} exported.`, pull: "Pulled.", pullRequest: "The pull request is open." }[kind];
}

/** The part that is done, from 0 to 1; undefined: nobody knows. */
export function partOf({ done, total }: Transfer): number | undefined {
  return total > 0 ? Math.min(1, done / total) : undefined;
}

export function sizeWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** The name of the repository that an address has, for a field that wants one. */
export function nameOf(address: string): string {
  return (
    address
      .trim()
      .replace(/\.git$|\/+$/g, "")
      .split("/")
      .at(-1) ?? ""
  );
}
