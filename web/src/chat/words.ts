// What calls, ends and sums are called on the screen. Pure.
import type { Card, Message } from "../data/answer.ts";

const TOOLS: Readonly<Record<string, string>> = {
  readFile: "Read",
  readOutput: "Read output",
  writeFile: "Write",
  editFile: "Edit",
  multiEdit: "Edit",
  deleteFile: "Delete",
  renameFile: "Move",
  createFolder: "New folder",
  listFiles: "List",
  getProjectStructure: "Look at the project",
  runCommand: "Run",
  startProcess: "Start",
  askUser: "Ask",
  todo: "Plan",
  task: "Sub-agent",
  undo: "Undo",
  fetchUrl: "Fetch",
};

/** A tool's name in words. */
export function toolWords(name: string): string {
  if (name === "") return "Call";
  const words = name.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return TOOLS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const SUBJECT = /"(?:path|filePath|oldPath|command|pattern|query|url|question|description|title|folder|name)"\s*:\s*"((?:[^"\\]|\\.)*)/;

/** What a call is about, from the beginning of its arguments; empty where they do not say. */
export function subjectOf(args: string): string {
  const found = SUBJECT.exec(args)?.[1] ?? "";
  return found.replaceAll(/\\(["\\/])/g, "$1").replaceAll(/\\[nrt]/g, " ");
}

export const CALL_WORDS: Readonly<Record<Card["status"] | "writing", string>> = {
  writing: "being written",
  pending: "waiting",
  running: "running",
  completed: "done",
  failed: "failed",
  cancelled: "stopped",
  skipped: "not run",
};

/** Why an answer is not done although it has ended, and what a person does about it. */
export const EARLY_WORDS: Readonly<Record<NonNullable<Message["endedEarly"]>, string>> = {
  step_cap: "It reached the most turns of one answer. “Continue” goes on.",
  stuck: "It repeated itself and was stopped. Say what to try instead, or continue.",
  cut: "It was cut off at the length limit of the model. “Continue” goes on.",
  refused: "The model refused to go on. Ask in other words.",
  context_full: "The conversation is too long for the model. Begin a new one.",
  answer_budget: "The budget of this answer is used up. “Continue” goes on with a new one.",
  conversation_budget: "The budget of this conversation is used up. Raise it, or begin a new conversation.",
  day_budget: "Your budget for today is used up. Raise it, or go on tomorrow.",
};

export function tookWords(startedAt: number | undefined, endedAt: number | undefined): string {
  if (startedAt === undefined || endedAt === undefined) return "";
  const seconds = Math.max(0, endedAt - startedAt) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
