// What was changed and can be undone, as the API tells it; and in words. Pure.
export interface Checkpoint {
  readonly checkpointId: string;
  readonly messageId?: string;
  readonly turn?: number;
  readonly fileCount: number;
  readonly added: number;
  readonly removed: number;
  readonly files: readonly { readonly path: string }[];
}

export interface Reviewed {
  readonly path: string;
  readonly hunks: readonly {
    readonly hunkId: string;
    readonly newStart: number;
    readonly lines: readonly string[];
    readonly state: "open" | "accepted" | "rejected";
  }[];
}

export interface Outcome {
  readonly checkpointId: string;
  readonly restored: readonly string[];
  readonly merged: readonly string[];
  readonly conflicts: readonly { readonly path: string; readonly reason: string }[];
  readonly unchanged: readonly string[];
}

/** What a restore did, and what it could not do. */
export function outcomeWords({ restored, merged, conflicts }: Outcome): string {
  const parts = [
    `${files(restored.length + merged.length)} as before`,
    merged.length > 0 && `of which ${merged.length} keep what others changed since`,
    conflicts.length > 0 && `left alone: ${conflicts.map(({ path, reason }) => `${path} (${reason})`).join(", ")}`,
  ];
  return `${parts.filter(Boolean).join("; ")}.`;
}

function files(count: number): string {
  return count === 1 ? "1 file is" : `${count} files are`;
}
