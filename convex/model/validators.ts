// Validators that tables, arguments and results share.
import { type Validator, v } from "convex/values";

/** Why a completed answer ended before it was done; absent on one that came to its end. */
export const endedEarly = v.union(
  v.literal("step_cap"),
  v.literal("stuck"),
  v.literal("cut"),
  v.literal("refused"),
  v.literal("context_full"),
  v.literal("answer_budget"),
  v.literal("conversation_budget"),
  v.literal("day_budget"),
);
export const messageStatus = v.union(v.literal("processing"), v.literal("completed"), v.literal("failed"), v.literal("cancelled"));
export const role = v.union(v.literal("user"), v.literal("assistant"));
export const fileType = v.union(v.literal("file"), v.literal("folder"));
export const fileMode = v.union(v.literal("executable"), v.literal("symlink")); // of a file that is not a regular one
export const importStatus = v.union(v.literal("importing"), v.literal("completed"), v.literal("failed"), v.literal("cancelled"));
export const exportStatus = v.union(v.literal("exporting"), v.literal("completed"), v.literal("failed"), v.literal("cancelled"));
export const toolCallStatus = v.union(
  v.literal("pending"),
  v.literal("running"),
  v.literal("completed"),
  v.literal("failed"),
  v.literal("cancelled"),
  v.literal("skipped"), // it was never to run; its result says why
);
export const deltaKind = v.union(
  v.literal("text"),
  v.literal("thinking"),
  v.literal("toolCall"), // the model begins to write a call of the tool that the text names
  v.literal("toolInput"), // the arguments of a call that is being written: JSON, once the call is whole
  v.literal("output"), // what a tool call prints while it runs
  v.literal("outputReset"), // the call runs anew: forget what it has printed
  v.literal("condensing"), // the model writes a summary of the conversation before it writes this part
  v.literal("reset"),
);
export const generationEventType = v.union(v.literal("step"), v.literal("file"), v.literal("info"), v.literal("error"));
export const transferKind = v.union(v.literal("import"), v.literal("export"), v.literal("pull"), v.literal("pullRequest"));
export const reportLine = v.object({ path: v.string(), reason: v.string() });
export const openedPullRequest = v.object({ number: v.number(), url: v.string() });

/** The place in a repository that a project came from or went to last, and the commit that both had in common. */
export const repositoryLink = v.object({
  repository: v.string(), // owner/name
  url: v.string(), // its page
  branch: v.string(), // or the tag or commit that was imported
  folder: v.string(), // the project is only this folder of the repository; empty: it is all of it
  commit: v.string(),
  syncedAt: v.number(),
  partly: v.optional(v.array(v.object({ commit: v.string(), upTo: v.string() }))), // by pulls that broke off: up to that path
});

/** What a transfer says of it: the rest is filled in where it ends. */
export const newLink = repositoryLink.pick("repository", "branch", "folder", "commit");
export const transferEnd = v.union(v.literal("completed"), v.literal("failed"), v.literal("cancelled"));
export const transferStatus = v.union(v.literal("running"), transferEnd);
export const busyPolicy = v.union(v.literal("cancel"), v.literal("reject"), v.literal("queue"), v.literal("steer"));

/** What is to happen with the calls of a tool, all or those whose path or command fits the pattern. The first rule that fits counts. */
export const approvalRule = v.object({
  tool: v.string(), // a name, with `*` for any characters
  pattern: v.optional(v.string()),
  policy: v.union(v.literal("ask"), v.literal("allow"), v.literal("deny")),
});

/** A budget of which all is used up: of one answer, a conversation, or all answers of a person on a day (UTC). */
export const budgetName = v.union(v.literal("answer"), v.literal("conversation"), v.literal("day"));

/** What may be taken of models at most; a bound that is absent is none. */
export const bounds = v.object({ tokens: v.optional(v.number()), usd: v.optional(v.number()) });
export const usedUpBudget = bounds.extend({ of: budgetName, spentTokens: v.number(), spentUsd: v.optional(v.number()) });

export const askKind = v.union(v.literal("question"), v.literal("approval"), v.literal("budget"));
export const askStatus = v.union(
  v.literal("open"),
  v.literal("answered"),
  v.literal("expired"), // nobody answered in time
  v.literal("closed"), // the answer that it belongs to ended before
);

/** What a person says: to a question a choice or a text, to an approval a decision (and a text, if they deny it and say
 *  why), to a used up budget a decision and, with "allow", how much more. */
export const askAnswer = v.object({
  choice: v.optional(v.string()),
  text: v.optional(v.string()),
  decision: v.optional(v.union(v.literal("allow"), v.literal("deny"))),
  scope: v.optional(v.union(v.literal("once"), v.literal("run"), v.literal("always"))), // of an allowance; once, if absent
  moreTokens: v.optional(v.number()),
  moreUsd: v.optional(v.number()),
});

/** What a project can choose; a field that is absent is as everywhere (store/records/projects.py says how that is). */
const setting = {
  installCommand: v.string(),
  devCommand: v.string(),
  toolSet: v.union(v.literal("paths"), v.literal("ids")), // by what the agent's file tools name files
  registries: v.array(v.string()), // `host:port` that commands may reach, of those that the operator allows
  approvals: v.array(approvalRule), // which calls of the agent a person is asked about; absent: none
};
export const projectSettings = v.object(setting).partial();
export const previewSettings = projectSettings.pick("installCommand", "devCommand");

/** A change of settings: what is absent stays, null takes a field back to what is everywhere. */
export const settingsChange = v.object({
  installCommand: v.optional(v.union(setting.installCommand, v.null())),
  devCommand: v.optional(v.union(setting.devCommand, v.null())),
  toolSet: v.optional(v.union(setting.toolSet, v.null())),
  registries: v.optional(v.union(setting.registries, v.null())),
  approvals: v.optional(v.union(setting.approvals, v.null())),
});

/** An MCP server as a project names it: a program with `command`, or an address with `url`. */
export const mcpServer = v.object({
  name: v.string(),
  command: v.optional(v.string()),
  args: v.optional(v.array(v.string())),
  env: v.optional(v.record(v.string(), v.string())), // values are sealed
  url: v.optional(v.string()),
  headers: v.optional(v.record(v.string(), v.string())), // values are sealed
});

export const usage = v.object({
  inputTokens: v.number(),
  outputTokens: v.number(),
  cacheReadTokens: v.number(),
  cacheWriteTokens: v.number(),
  costUsd: v.optional(v.number()), // of the turns whose price is known
});

/** What a number of requests to models took. */
export const spent = usage.omit("costUsd").extend({
  requests: v.number(),
  unpriced: v.number(), // requests whose cost is not known
  costMicros: v.number(), // millionths of a dollar, of the others
});

export const turnPart = v.object({
  type: v.union(v.literal("text"), v.literal("thinking"), v.literal("toolCall")),
  text: v.optional(v.string()),
  signature: v.optional(v.string()), // the provider's proof of its thinking, sent back unchanged
  toolCallId: v.optional(v.string()),
});

/** One item of the model's plan. */
export const todoItem = v.object({
  text: v.string(),
  status: v.union(v.literal("pending"), v.literal("in_progress"), v.literal("completed")),
});

const severity = v.union(v.literal("error"), v.literal("warning"), v.literal("information"), v.literal("hint"));
const change = v.union(v.literal("created"), v.literal("changed"), v.literal("deleted"), v.literal("renamed"));
export const mediaType = v.union(v.literal("image/png"), v.literal("image/jpeg"), v.literal("image/gif"), v.literal("image/webp"));

const endedReason = v.union(
  v.literal("exited"),
  v.literal("timeout"),
  v.literal("output"),
  v.literal("memory"),
  v.literal("tasks"),
  v.literal("stopped"),
);

const fullText = v.object({ type: v.literal("fullText"), handle: v.string(), sizeBytes: v.number() });

const partWithoutImage = v.union(
  v.object({
    type: v.literal("diff"),
    path: v.string(),
    change,
    diff: v.string(), // unified, without a header; empty for a file that is not text
    added: v.number(),
    removed: v.number(),
    oldPath: v.optional(v.string()),
    isCut: v.boolean(),
  }),
  v.object({ type: v.literal("moreFiles"), count: v.number() }),
  v.object({
    type: v.literal("diagnostics"),
    diagnostics: v.array(
      v.object({
        path: v.string(),
        line: v.number(),
        column: v.number(),
        severity,
        message: v.string(),
        code: v.string(),
        source: v.string(),
      }),
    ),
  }),
  fullText,
  v.object({ type: v.literal("exit"), code: v.optional(v.number()), tookS: v.number() }),
  v.object({ type: v.literal("ended"), reason: endedReason, processes: v.array(v.string()), at: v.string() }),
);

const image = v.object({ type: v.literal("image"), mediaType, data: v.string() }); // base64

/** A part as it stands in a row: an image that is too large for one is a blob, and so is a whole output that was too long
 *  to show; a row of `resultImages` holds it. */
export const keptPart = v.union(
  partWithoutImage,
  image,
  image.omit("data").extend({ storageId: v.id("_storage"), sizeBytes: v.number() }),
  fullText.extend({ storageId: v.id("_storage") }),
);

/** How much a call changed: files, and lines of those that are text. */
export const diffStat = v.object({ files: v.number(), added: v.number(), removed: v.number() });

/** What a tool call came to, for people and for programs: see tools/output.py, which makes them. */
export const resultPart = v.union(
  partWithoutImage,
  image,
  image.omit("data").extend({ url: v.string(), sizeBytes: v.number() }),
  fullText.extend({ url: v.string() }),
);

/** What the person attached to a message, as people see it: an image, or a file of the project, or some lines of one. */
export const shownAttachment = v.object({
  type: v.union(v.literal("image"), v.literal("file")),
  name: v.optional(v.string()), // of an image, as the next four
  mediaType: v.optional(mediaType),
  sizeBytes: v.optional(v.number()),
  width: v.optional(v.number()),
  height: v.optional(v.number()),
  path: v.optional(v.string()), // of a file, as the rest
  startLine: v.optional(v.number()), // absent, as the next: from the beginning, to the end
  endLine: v.optional(v.number()),
  isCut: v.optional(v.boolean()), // the model was given only the beginning: it is too long
});

/** The same with the text that the file had when the message was sent. */
export const attachment = shownAttachment.extend({ text: v.optional(v.string()) });

/** The same as it stands in a row: a row of `resultImages` holds the blob of an image. */
export const keptAttachment = attachment.extend({ storageId: v.optional(v.id("_storage")) });

/** As a message is sent with it: an image names its upload. */
export const newAttachment = attachment
  .pick("type", "path", "startLine", "endLine", "isCut", "text")
  .extend({ attachmentId: v.optional(v.string()) });

/** What a generated project was put to: commands, how they ended, and the last of what they printed. */
export const verification = v.object({
  state: v.union(v.literal("verified"), v.literal("failed"), v.literal("notVerified")),
  reason: v.string(), // in words; empty when it is verified
  repairs: v.number(), // how often the agent was given the errors
  checks: v.array(
    v.object({
      command: v.string(),
      exitCode: v.optional(v.number()), // absent: it was ended by us
      tookS: v.number(),
      output: v.string(),
    }),
  ),
});

export const outboxData = v.record(v.string(), v.union(v.string(), v.number(), v.boolean(), v.null()));

/** What a file or folder is, apart from where it stands: all fields of a row of `files` that an undo has to bring back. */
export const fileSide = v.object({ type: fileType, size: v.number(), sha256: v.optional(v.string()), mode: v.optional(fileMode) });

/** Who made a checkpoint: a turn of an answer, a restore, the rejection of parts of a turn's diff, or a pull from GitHub. */
export const checkpointKind = v.union(v.literal("turn"), v.literal("restore"), v.literal("reject"), v.literal("pull"));

/** What a restore came to, by path; `notTold` counts what is left out of the lists. */
export const restoreOutcome = v.object({
  restored: v.array(v.string()),
  merged: v.array(v.string()),
  conflicts: v.array(v.object({ path: v.string(), reason: v.string() })),
  unchanged: v.array(v.string()),
  notTold: v.number(),
});

export const verdict = v.union(v.literal("accepted"), v.literal("rejected"));

/** Bytes to store: text, or the id of a blob that was uploaded before. Without a mode an executable file stays one, and
 *  any other is a regular one afterwards. The text of a symbolic link is the path that it leads to. */
export const newContent = v.object({
  size: v.number(),
  sha256: v.string(),
  text: v.optional(v.string()),
  storageId: v.optional(v.id("_storage")),
  mode: v.optional(v.union(fileMode, v.literal("regular"))),
});

/** The call of `task` whose sub-agent works in a conversation, and the conversation in which people see the call. */
export const parentCall = v.object({
  conversationId: v.id("conversations"),
  messageId: v.id("messages"),
  turn: v.number(),
  toolCallId: v.string(),
});

/** A page as system functions return it; `nextCursor` is null on the last one. */
export function pageOf<Item extends Validator<unknown, "required", string>>(item: Item) {
  return v.object({ items: v.array(item), nextCursor: v.union(v.string(), v.null()) });
}

/** What a person pays for; user interfaces know these words. */
export const planTier = v.union(v.literal("free"), v.literal("pro_monthly"), v.literal("pro_yearly"));
export const planStatus = v.union(
  v.literal("free"),
  v.literal("trialing"),
  v.literal("active"),
  v.literal("paused"),
  v.literal("canceled"),
  v.literal("past_due"),
);
