// What a project chooses: one record, changed field by field, and told to the runs that it is for.
import type { Infer } from "convex/values";
import type { Doc } from "../_generated/dataModel";
import type { MutationCtx } from "../_generated/server";
import { refused } from "./errors.ts";
import type { approvalRule, outboxData, projectSettings, settingsChange } from "./validators.ts";

const MAX_COMMAND = 1_000;
const MAX_REGISTRIES = 50;
const MAX_RULES = 50;
const MAX_TOOL = 200;
const MAX_PATTERN = 400;
const REGISTRY = /^[a-z0-9.-]{1,253}:[0-9]{1,5}$/;

type Settings = Infer<typeof projectSettings>;
export type Rule = Infer<typeof approvalRule>;

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
    approvals: after(before.approvals, change.approvals),
  };
  check(settings);
  await ctx.db.patch(project._id, { settings, updatedAt: Date.now() });
  const row = await ctx.db.get(project._id);
  if (row === null) throw new Error("a row written just now is gone");
  return row;
}

/** What a run has to know of the settings when it begins, as its event holds it: nothing of what is as everywhere. */
export function settingsOfRun({ toolSet, registries, approvals = [] }: Settings = {}): Infer<typeof outboxData> {
  return {
    ...(toolSet !== undefined && { toolSet }),
    ...(registries !== undefined && { registries: registries.join(",") }),
    ...(approvals.length > 0 && { approvals: JSON.stringify(approvals) }),
  };
}

function after<T>(before: T | undefined, change: T | null | undefined): T | undefined {
  return change === undefined ? before : (change ?? undefined);
}

function check({ installCommand = "", devCommand = "", registries = [], approvals = [] }: Settings): void {
  for (const command of [installCommand, devCommand]) {
    if (command.length > MAX_COMMAND) throw refused("bad_settings", `A command must not be longer than ${MAX_COMMAND} characters`);
  }
  if (registries.length > MAX_REGISTRIES) throw refused("bad_settings", `A project can name at most ${MAX_REGISTRIES} registries`);
  const wrong = registries.find((name) => !REGISTRY.test(name));
  if (wrong !== undefined) throw refused("bad_settings", "A registry is host:port in small letters, such as npm.example.com:443");
  if (approvals.length > MAX_RULES) throw refused("bad_settings", `A project can have at most ${MAX_RULES} rules for approvals`);
  for (const { tool, pattern } of approvals) {
    const isNamed = tool.trim() !== "" && tool.length <= MAX_TOOL;
    if (!isNamed) throw refused("bad_settings", `A rule names a tool, in at most ${MAX_TOOL} characters`);
    const isPattern = pattern === undefined || (pattern.trim() !== "" && pattern.length <= MAX_PATTERN);
    if (!isPattern) throw refused("bad_settings", `The pattern of a rule has 1 to ${MAX_PATTERN} characters; leave it out for all calls`);
  }
}
