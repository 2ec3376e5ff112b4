// What a project chooses: one record, changed field by field, and told to the runs that it is for.
import type { Infer } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { refused } from "./errors.ts";
import type { outboxData, projectSettings, settingsChange } from "./validators.ts";

const MAX_COMMAND = 1_000;
const MAX_REGISTRIES = 50;
const REGISTRY = /^[a-z0-9.-]{1,253}:[0-9]{1,5}$/;

type Settings = Infer<typeof projectSettings>;

/** Changes those fields that are given; null takes one back to what is everywhere. */
export async function changeSettings(
  ctx: MutationCtx,
  project: Doc<"projects">,
  change: Infer<typeof settingsChange>,
): Promise<Doc<"projects">> {
  const before = project.settings ?? {};
  const settings: Settings = {
    installCommand: after(before.installCommand, change.installCommand),
    devCommand: after(before.devCommand, change.devCommand),
    toolSet: after(before.toolSet, change.toolSet),
    registries: after(before.registries, change.registries),
  };
  check(settings);
  await ctx.db.patch(project._id, { settings, updatedAt: Date.now() });
  const row = await ctx.db.get(project._id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

/** What a run has to know of the settings when it begins, as its event holds it: nothing of what is as everywhere. */
export function settingsOfRun({ toolSet, registries }: Settings = {}): Infer<typeof outboxData> {
  return {
    ...(toolSet !== undefined && { toolSet }),
    ...(registries !== undefined && { registries: registries.join(",") }),
  };
}

function after<T>(before: T | undefined, change: T | null | undefined): T | undefined {
  return change === undefined ? before : (change ?? undefined);
}

function check({ installCommand = "", devCommand = "", registries = [] }: Settings): void {
  for (const command of [installCommand, devCommand]) {
    if (command.length > MAX_COMMAND) throw refused("bad_settings", `A command must not be longer than ${MAX_COMMAND} characters`);
  }
  if (registries.length > MAX_REGISTRIES) throw refused("bad_settings", `A project can name at most ${MAX_REGISTRIES} registries`);
  const wrong = registries.find((name) => !REGISTRY.test(name));
  if (wrong !== undefined) throw refused("bad_settings", "A registry is host:port in small letters, such as npm.example.com:443");
}
