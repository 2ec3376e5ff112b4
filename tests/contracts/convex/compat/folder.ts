// A project written for one test: files by their path, some of them in convex/, in a folder of its own.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import { EmbeddedServer } from "../server.ts";

/** Writes the files; returns the project's convex/ folder. Gone after the test. */
export function project(files: Record<string, string | Uint8Array>): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "convex-folder-"));
  onTestFinished(() => fs.rmSync(root, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
  }
  return path.join(root, "convex");
}

/** A client of a server over these files; both are gone after the test. */
export async function serve(files: Record<string, string | Uint8Array>): Promise<ConvexHttpClient> {
  const server = await EmbeddedServer.start(project(files));
  onTestFinished(() => server.stop());
  return new ConvexHttpClient(server.url, { logger: false });
}

export const api = anyApi as unknown as Record<string, Record<string, never>>;
