// The tables of Polaris. Each says who writes it and who reads it. This is the one place that says what a row holds: what
// people see (model/docs.ts) and what our processes get (model/records.ts) is picked from here.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import {
  approvalRule,
  askAnswer,
  askKind,
  askStatus,
  bounds,
  checkpointKind,
  deltaKind,
  diffStat,
  endedEarly,
  exportStatus,
  fileMode,
  fileSide,
  fileType,
  generationEventType,
  importStatus,
  keptAttachment,
  keptPart,
  mcpServer,
  mediaType,
  messageStatus,
  openedPullRequest,
  outboxData,
  parentCall,
  planStatus,
  planTier,
  projectSettings,
  repositoryLink,
  reportLine,
  restoreOutcome,
  role,
  spent,
  todoItem,
  toolCallStatus,
  transferKind,
  transferStatus,
  turnPart,
  usage,
  usedUpBudget,
  verdict,
  verification,
} from "./model/validators.ts";

export default defineSchema({
  // Written by people (public functions), the API and jobs; read by people and jobs. A row with `deletedAt` is
  // invisible everywhere; system/purge empties it when it cannot be restored any more.
  projects: defineTable({
    ownerId: v.string(),
    name: v.string(),
    updatedAt: v.number(),
    filesVersion: v.number(), // grows by one with each change of a file
    tombstoneFloor: v.number(), // deletions up to this version are forgotten
    externalId: v.optional(v.string()), // makes `create` safe to make twice
    importStatus: v.optional(importStatus),
    exportStatus: v.optional(exportStatus),
    exportRepoUrl: v.optional(v.string()),
    repository: v.optional(repositoryLink), // set where an import, export or pull ends well
    settings: v.optional(projectSettings),
    deletedAt: v.optional(v.number()),
  })
    .index("by_owner", ["ownerId", "deletedAt", "updatedAt"])
    .index("by_external", ["ownerId", "externalId"]),

  // Written by people and by jobs (the agent's edits, imports); read by editors, previews and workspaces.
  // Metadata only: reading a document costs all of it. `version` is the project's filesVersion of the last change.
  files: defineTable({
    projectId: v.id("projects"),
    parentId: v.optional(v.id("files")), // absent: at the root
    path: v.string(),
    name: v.string(),
    type: fileType,
    size: v.number(), // bytes; 0 for folders
    sha256: v.optional(v.string()), // of the bytes; files only
    mode: v.optional(fileMode), // absent: a regular file, or a folder; the text of a link is its target
    storageId: v.optional(v.id("_storage")), // the bytes, where they are no text or too much of it
    version: v.number(),
    renamedFrom: v.optional(v.string()), // makes a repeated rename recognisable
    hasBase: v.optional(v.boolean()), // whether a row of `editorBases` may be there
    updatedAt: v.number(),
  })
    .index("by_path", ["projectId", "path"])
    .index("by_parent", ["projectId", "parentId", "name"])
    .index("by_version", ["projectId", "version"])
    .index("by_storage", ["storageId"])
    .index("by_content", ["projectId", "sha256"]),

  // The text of a file; written and read with its row in `files`.
  fileTexts: defineTable({
    fileId: v.id("files"),
    text: v.string(),
  }).index("by_file", ["fileId"]),

  // What an editor may still show of a file that somebody else has written since; written with such a write, read and replaced
  // where an editor saves without a hash, swept after a day.
  editorBases: defineTable({
    fileId: v.id("files"),
    text: v.optional(v.string()), // absent: it was a blob
    keptAt: v.number(),
  })
    .index("by_file", ["fileId"])
    .index("by_age", ["keptAt"]),

  // What was deleted, and when; written with the deletion, read by workspaces that catch up, swept after 7 days.
  fileTombstones: defineTable({
    projectId: v.id("projects"),
    path: v.string(),
    version: v.number(),
  }).index("by_version", ["projectId", "version"]),

  // What can be undone: a row for each turn of an answer that changed files, each restore and each rejection. Written
  // with the change itself, read by people and by the agent's `undo`; swept after 30 days, or when there are newer ones.
  checkpoints: defineTable({
    projectId: v.id("projects"),
    kind: checkpointKind,
    messageId: v.optional(v.id("messages")), // of a turn, as the next three
    conversationId: v.optional(v.id("conversations")),
    round: v.optional(v.number()),
    turn: v.optional(v.number()),
    externalId: v.optional(v.string()), // makes a restore safe to make twice
    number: v.number(), // 1, 2, 3 … in the project
    firstVersion: v.number(), // of its first change: what is undone with it begins there
    updatedAt: v.number(),
    files: v.number(),
    added: v.number(), // lines, as far as they were counted
    removed: v.number(),
    bytes: v.number(), // of what its changes replaced
    undo: v.optional(v.object({ from: v.number(), isPartial: v.boolean() })), // it undid what began at that version
    restoring: v.optional(
      v.object({
        pass: v.number(),
        after: v.number(),
        upTo: v.number(),
        passFrom: v.number(),
        hasMoved: v.boolean(),
        isBlocked: v.boolean(),
      }),
    ), // how far a restore is that is not done yet
    outcome: v.optional(restoreOutcome),
  })
    .index("by_project", ["projectId"])
    .index("by_turn", ["messageId", "round", "turn"])
    .index("by_external", ["projectId", "externalId"]),

  // One changed path of a checkpoint: what stood there before and after; absent: nothing. Written and read with it.
  // `version` orders all changes of a project. A path has two rows where somebody else changed it in between.
  checkpointFiles: defineTable({
    projectId: v.id("projects"),
    checkpointId: v.id("checkpoints"),
    path: v.string(),
    version: v.number(),
    before: v.optional(fileSide),
    after: v.optional(fileSide),
    movedFrom: v.optional(v.string()),
    movedTo: v.optional(v.string()),
    added: v.optional(v.number()), // lines; absent: not counted
    removed: v.optional(v.number()),
    reviews: v.optional(v.array(v.object({ hunk: v.string(), verdict }))),
  })
    .index("by_checkpoint", ["checkpointId", "path"])
    .index("by_path", ["projectId", "path", "version"])
    .index("by_version", ["projectId", "version"])
    .index("by_before", ["projectId", "before.sha256"])
    .index("by_after", ["projectId", "after.sha256"]),

  // Bytes that a checkpoint names and a file has let go of, once for each content. Written with the change that lets
  // go of them, read by restores; deleted with the last checkpoint that names them.
  keptContents: defineTable({
    projectId: v.id("projects"),
    sha256: v.string(),
    size: v.number(),
    text: v.optional(v.string()),
    storageId: v.optional(v.id("_storage")),
  })
    .index("by_content", ["projectId", "sha256"])
    .index("by_storage", ["storageId"]),

  // Written by people, the API, once by the job that finds a title, and by answers that ask sub-agents; read by people.
  // Else never touched while an answer streams.
  conversations: defineTable({
    projectId: v.id("projects"),
    title: v.string(),
    isNamed: v.optional(v.boolean()), // somebody has chosen the title, if only that of a new one
    updatedAt: v.number(),
    model: v.optional(v.string()), // who answers, as its owner chose; absent: the default
    budget: v.optional(bounds), // of all its answers, as its owner chose or has raised it; absent: as everywhere
    externalId: v.optional(v.string()),
    editedFrom: v.optional(v.id("messages")), // which was edited: what came before it is copied here
    copiedBefore: v.optional(v.number()), // of that, the orders up to here are; absent: all
    parentCall: v.optional(parentCall), // it is the work of a sub-agent: no list of conversations has it
    deletedAt: v.optional(v.number()), // it is hidden, and system/purge empties it
  })
    .index("by_project", ["projectId", "deletedAt", "parentCall.messageId"])
    .index("by_parent", ["parentCall.messageId", "deletedAt", "parentCall.turn", "parentCall.toolCallId"])
    .index("by_external", ["projectId", "externalId"]),

  // Written by system/messages (send, cancel, retry) and system/streaming (the end); read by people and by the
  // agent as history. An assistant message is written twice: as a placeholder, and when it is final; and when its run
  // begins or ends to wait for the provider.
  messages: defineTable({
    conversationId: v.id("conversations"),
    projectId: v.id("projects"),
    externalId: v.optional(v.string()), // idempotency key of the person's message
    order: v.number(), // 0, 1, 2 … in the conversation
    role,
    status: v.optional(messageStatus), // absent on the person's messages
    content: v.string(), // the head of the text; the rest is in messageTexts
    attachments: v.optional(v.array(keptAttachment)), // of the person's; as they were when it was sent
    chunks: v.optional(v.number()), // how many rows of messageTexts follow
    error: v.optional(v.string()),
    errorCode: v.optional(v.string()),
    model: v.optional(v.string()),
    usage: v.optional(usage),
    waitingUntil: v.optional(v.number()), // the provider takes no request before; gone when the wait is over
    endedEarly: v.optional(endedEarly),
    isHistoryCut: v.optional(v.boolean()), // the model was told less than all of the conversation
    runId: v.optional(v.string()),
    steers: v.optional(v.id("messages")), // the answer for which the person said this while it was being written
    toldIn: v.optional(v.number()), // the turn of that answer before which the model was told
    startedAt: v.number(),
    endedAt: v.optional(v.number()),
  })
    .index("by_conversation", ["conversationId", "order"])
    .index("by_steers", ["steers", "toldIn"])
    .index("by_external", ["conversationId", "externalId"]),

  // Images that were uploaded to be attached to messages; written by the API, read where a message names one. A message
  // has all that it needs of them: they are swept after a day.
  uploads: defineTable({
    projectId: v.id("projects"),
    storageId: v.id("_storage"),
    name: v.optional(v.string()),
    mediaType,
    sizeBytes: v.number(),
    width: v.number(),
    height: v.number(),
  })
    .index("by_project", ["projectId"])
    .index("by_storage", ["storageId"]),

  // The rest of texts that are too long for a document; written and read with the message.
  messageTexts: defineTable({
    messageId: v.id("messages"),
    index: v.number(),
    text: v.string(),
  }).index("by_message", ["messageId", "index"]),

  // The finished turns of an answer; written by jobs, read by the agent (history, resuming) and by people.
  turns: defineTable({
    messageId: v.id("messages"),
    turn: v.number(),
    parts: v.array(turnPart),
    stopReason: v.string(),
    model: v.string(),
    usage,
    droppedCalls: v.array(v.string()),
    remarks: v.optional(v.array(v.string())), // what was said to the model before the turn, beside results
  }).index("by_message", ["messageId", "turn"]),

  // The tool calls of an answer; written by jobs, read by the agent and by people.
  // `argumentsJson` is text because a model may use keys that a document may not have.
  toolCalls: defineTable({
    messageId: v.id("messages"),
    turn: v.number(),
    index: v.number(), // place within the turn
    revision: v.optional(v.number()), // of the calls of the message, when this one changed last; missing in old rows
    toolCallId: v.string(),
    name: v.string(),
    argumentsJson: v.string(),
    status: toolCallStatus,
    output: v.optional(v.string()),
    images: v.optional(v.number()), // how many there are among its parts
    changed: v.optional(diffStat), // by its diffs, where it has some
    startedAt: v.optional(v.number()),
    endedAt: v.optional(v.number()),
  })
    .index("by_message", ["messageId", "turn", "index"])
    .index("by_call", ["messageId", "turn", "toolCallId"])
    .index("by_revision", ["messageId", "revision"])
    .index("by_status", ["messageId", "status"]),

  // Summaries that stand for the beginning of a conversation; written by jobs, read by the agent (history) and by
  // people. One covers all messages before the order, and so many turns after the question of that order.
  condensations: defineTable({
    conversationId: v.id("conversations"),
    messageId: v.id("messages"), // the answer before whose turn it was made
    turn: v.number(),
    beforeOrder: v.number(),
    turns: v.number(),
    text: v.string(),
    model: v.string(),
    usage,
  })
    .index("by_conversation", ["conversationId"])
    .index("by_message", ["messageId", "turn"]),

  // What an answer took of a model on a day (UTC), its failed attempts and its summaries included; written with the turn,
  // the summary or the end that took it, read by people; goes with the message.
  usageRecords: defineTable({
    ownerId: v.string(),
    projectId: v.id("projects"),
    conversationId: v.id("conversations"),
    messageId: v.id("messages"),
    day: v.string(), // YYYY-MM-DD
    model: v.string(),
    ...spent.fields,
  })
    .index("by_message", ["messageId", "day", "model"])
    .index("by_conversation", ["conversationId", "day"]),

  // The same for all answers of a project, with the small calls beside them (titles, commit messages, and those of editors,
  // which may name no project); written with it, read by people and by budgets. It stays when the project
  // goes: what was spent is spent, and whoever deletes a project has no new budget.
  usageDays: defineTable({
    ownerId: v.string(),
    projectId: v.optional(v.id("projects")),
    day: v.string(),
    model: v.string(),
    ...spent.fields,
    recentKeys: v.optional(v.array(v.string())), // of small calls: one that is counted twice counts once
  })
    .index("by_owner", ["ownerId", "day"])
    .index("by_project", ["projectId", "day", "model"]),
  // What the agent asks the person: a question, whether a call may run, or for more of a budget. Written by jobs (and closed with the answer
  // that it belongs to), answered once by the owner; read by people and by the run that waits.
  asks: defineTable({
    projectId: v.id("projects"),
    conversationId: v.id("conversations"),
    messageId: v.id("messages"),
    turn: v.number(),
    toolCallId: v.string(), // for more of a budget no call asks: it is budget-0, budget-1 …
    kind: askKind,
    question: v.optional(v.string()), // of a question, as the next two
    choices: v.optional(v.array(v.string())),
    allowsText: v.optional(v.boolean()),
    toolName: v.optional(v.string()), // of an approval, as the next five
    command: v.optional(v.string()),
    paths: v.optional(v.array(v.string())),
    preview: v.optional(v.string()), // what the call would change, or its arguments; cut at a bound
    rule: v.optional(approvalRule), // that wants it to be asked
    patterns: v.optional(v.array(v.string())), // what is allowed for always; empty: the tool; absent: that cannot be chosen
    budget: v.optional(usedUpBudget), // of which the person may give more
    status: askStatus,
    answer: v.optional(askAnswer),
    answerKey: v.optional(v.string()), // makes an answer safe to give twice
    expiresAt: v.number(),
    endedAt: v.optional(v.number()),
  })
    .index("by_call", ["messageId", "turn", "toolCallId", "kind"])
    .index("by_status", ["messageId", "status"])
    .index("by_conversation", ["conversationId"]),
  // What a person may take on a day (UTC) since they have given themselves more, a row for each such day. Written with
  // their answer to a run that asked for it, read by the runs of that day.
  dayBudgets: defineTable({ ownerId: v.string(), day: v.string(), ...bounds.fields }).index("by_owner", ["ownerId", "day"]),

  // The plan of an answer, as its last call of `todo` has it; written with the result of that call, read by people. The
  // newest row is the plan of the conversation.
  todos: defineTable({
    conversationId: v.id("conversations"),
    messageId: v.id("messages"),
    turn: v.number(), // of that call, as the next
    index: v.number(),
    items: v.array(todoItem),
    updatedAt: v.number(),
  })
    .index("by_conversation", ["conversationId"])
    .index("by_message", ["messageId"]),

  // What tool calls came to beside their text (diffs, exit codes, …); written with the result, read by people who open
  // a call. They stand apart so that the history of a conversation is read without them.
  resultParts: defineTable({
    messageId: v.id("messages"),
    turn: v.number(),
    toolCallId: v.string(),
    parts: v.array(keptPart),
  }).index("by_call", ["messageId", "turn", "toolCallId"]),

  // Who holds the blob of a large image or of a whole output in `resultParts`, or of an image that is attached to the
  // message; written and deleted with that row.
  resultImages: defineTable({
    messageId: v.id("messages"),
    storageId: v.id("_storage"),
    handle: v.optional(v.string()), // of a whole output, by which the agent finds it again
  })
    .index("by_handle", ["handle"])
    .index("by_message", ["messageId"])
    .index("by_storage", ["storageId"]),

  // The run behind an assistant message, one row each; written by jobs and cancels, read by jobs and the reaper,
  // by no live query. `epoch` counts attempts and fences older ones off; `round` counts retries by the person.
  generations: defineTable({
    messageId: v.id("messages"),
    conversationId: v.id("conversations"),
    projectId: v.id("projects"),
    ownerId: v.optional(v.string()), // who asked: it counts among their runs; absent: a step or a sub-agent's
    runId: v.optional(v.string()),
    epoch: v.number(),
    round: v.number(),
    retryKey: v.optional(v.string()),
    chosenModel: v.optional(v.string()), // for this message; absent: that of the conversation
    nextSeq: v.optional(v.number()), // where the stream goes on after a retry, its deltas swept or not
    status: messageStatus,
    heartbeatAt: v.number(),
    keptBytes: v.optional(v.number()), // of its turns and tool calls, and how many of these there are:
    keptCalls: v.optional(v.number()), // an answer must stay readable in one query
    partBytes: v.optional(v.number()), // of what its calls came to beside their text
    imageBytes: v.optional(v.number()), // of images among that which are blobs
    usage: v.optional(usage), // of its turns so far, and the model of the last: what an answer that fails keeps
    model: v.optional(v.string()),
    projectGenerationId: v.optional(v.id("projectGenerations")), // of which it is a step: its changes are logged
    preview: v.optional(v.object({ dueAt: v.number(), nextSeq: v.number() })), // when it is written next, and from which delta on
  })
    .index("by_message", ["messageId"])
    .index("by_conversation_status", ["conversationId", "status"])
    .index("by_project_status", ["projectId", "status"])
    .index("by_owner_status", ["ownerId", "status"])
    .index("by_status", ["status", "heartbeatAt"]),

  // Streamed text, and the output of tool calls that run; inserted by jobs, never changed, read by people who watch, swept 5 minutes after the end.
  deltas: defineTable({
    messageId: v.id("messages"),
    seq: v.number(), // 0, 1, 2 … without a gap
    part: v.number(), // the turn
    kind: deltaKind,
    toolCallId: v.optional(v.string()), // of output
    text: v.string(),
  }).index("by_message", ["messageId", "seq"]),

  // The text so far of an answer that is being written, one row each; written about once a second with the deltas, read by
  // `conversations.getMessages`, deleted when the answer is final.
  previews: defineTable({
    messageId: v.id("messages"),
    text: v.string(),
    parts: v.array(v.object({ part: v.number(), at: v.number() })), // where the text of each turn begins
  }).index("by_message", ["messageId"]),

  // Whole projects made from a description, one row a request; written by system/generating, read by its job, the
  // reaper and people. Each step is an exchange in the conversation.
  projectGenerations: defineTable({
    projectId: v.id("projects"),
    conversationId: v.id("conversations"),
    externalId: v.string(), // makes a start safe to make twice
    description: v.string(),
    stack: v.string(),
    status: messageStatus,
    steps: v.array(v.string()), // that have ended well, in order
    currentStep: v.optional(v.string()),
    messageId: v.optional(v.id("messages")), // the answer of the current step
    verification: v.optional(verification),
    error: v.optional(v.string()),
    errorCode: v.optional(v.string()),
    endedAt: v.optional(v.number()),
    heartbeatAt: v.optional(v.number()), // of its run, for the reaper
  })
    .index("by_project", ["projectId"])
    .index("by_project_status", ["projectId", "status"])
    .index("by_status", ["status", "heartbeatAt"])
    .index("by_external", ["projectId", "externalId"]),

  // The log of a project's generation; written by system/generating and jobs, read by people, swept after 7 days.
  generationEvents: defineTable({
    projectId: v.id("projects"),
    externalId: v.string(),
    type: generationEventType,
    message: v.string(),
    filePath: v.optional(v.string()),
    preview: v.optional(v.string()),
  })
    .index("by_project", ["projectId"])
    .index("by_external", ["projectId", "externalId"]),

  // Imports, exports, pulls and pull requests; written by jobs, read by people.
  transfers: defineTable({
    projectId: v.id("projects"),
    externalId: v.string(),
    kind: transferKind,
    status: transferStatus,
    done: v.number(), // files
    total: v.number(),
    phase: v.optional(v.string()), // what it does now: resolving, waiting, fetching, writing, reading, pushing
    bytes: v.optional(v.number()), // of the files that are through; while it fetches, of what has come
    totalBytes: v.optional(v.number()),
    waitingUntil: v.optional(v.number()), // GitHub takes no request before
    skipped: v.optional(v.array(reportLine)), // files that are not in the project, and why: the first of them
    skippedCount: v.optional(v.number()),
    notes: v.optional(v.array(reportLine)), // files that are in the project, and not what they seem (LFS pointers)
    branch: v.optional(v.string()),
    commit: v.optional(v.string()), // the commit that came in, or went out
    repoUrl: v.optional(v.string()),
    error: v.optional(v.string()),
    errorCode: v.optional(v.string()),
    upTo: v.optional(v.string()), // of a pull: the last path, in their order, that it is through with
    conflicts: v.optional(v.array(reportLine)), // of a pull: files that both sides have changed, the first of them
    conflictsCount: v.optional(v.number()),
    pullRequest: v.optional(openedPullRequest),
    storageId: v.optional(v.id("_storage")), // the archive that was uploaded, until the transfer ends
    heartbeatAt: v.number(),
  })
    .index("by_project", ["projectId"])
    .index("by_project_kind_status", ["projectId", "kind", "status"])
    .index("by_status", ["status", "heartbeatAt"])
    .index("by_external", ["projectId", "externalId"]),

  // The MCP servers that a project names; written by the API, read by it and by runs. No public function reads it:
  // environments and headers hold secrets, which the API seals before they come here.
  mcpServers: defineTable({
    projectId: v.id("projects"),
    servers: v.array(mcpServer),
  }).index("by_project", ["projectId"]),

  // The hash of the token by which a project's tools are used over MCP, one a project; written and read by the API.
  mcpTokens: defineTable({
    projectId: v.id("projects"),
    hash: v.string(), // SHA-256 of the token, hex
    recentCalls: v.array(v.string()), // whose changes were made: a change that is sent twice is made once
  })
    .index("by_project", ["projectId"])
    .index("by_hash", ["hash"]),

  // How many bytes a person's files take, one row each; written with every change of a file, read by the next one.
  storageUse: defineTable({ ownerId: v.string(), bytes: v.number() }).index("by_owner", ["ownerId"]),

  // Accounts that are being deleted, one row each; written by whoever asks for it, read where something of a person begins
  // and by the job that deletes it, the row last of all.
  accountDeletions: defineTable({ ownerId: v.string(), requestedAt: v.number() })
    .index("by_owner", ["ownerId"])
    .index("by_age", ["requestedAt"]),

  // Who has signed in, and their plan as the operator's billing said it last; written when a page asks for it and by the API, read
  // by people, and where projects are made.
  users: defineTable({
    ownerId: v.string(),
    email: v.optional(v.string()),
    tier: planTier,
    status: planStatus,
    projectLimit: v.optional(v.number()), // -1: any number; absent: as the installation says
    trialEndsAt: v.optional(v.number()),
    customerId: v.optional(v.string()), // at the billing
    updatedAt: v.number(),
  }).index("by_owner", ["ownerId"]),

  // The GitHub accounts that people have connected, one each; written and read by the API and by jobs. No public function
  // reads it: `sealed` holds tokens, which were sealed before they came here. It is another text after each change.
  githubAccounts: defineTable({
    ownerId: v.string(),
    login: v.string(),
    sealed: v.string(),
    expiresAt: v.optional(v.number()), // of the access token; absent: it does not expire
    isRefused: v.optional(v.boolean()), // GitHub takes the token no more
    lease: v.optional(v.object({ holder: v.string(), until: v.number() })), // who gets new tokens for it now
  }).index("by_owner", ["ownerId"]),

  // Events that must reach the engine; written with the rows they speak of, read and deleted by the relay.
  // One that the engine refuses for good stays for a week, never due, with the reason in `lastError`.
  outbox: defineTable({
    eventId: v.string(),
    name: v.string(),
    data: outboxData,
    userId: v.string(),
    dueAt: v.number(),
    attempts: v.number(),
    lastError: v.optional(v.string()),
  })
    .index("by_due", ["dueAt"])
    .index("by_user", ["userId", "dueAt"])
    .index("by_event", ["eventId"]),
});
