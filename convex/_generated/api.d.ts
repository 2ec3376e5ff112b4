/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import type * as asks from "../asks.js";
import type * as conversations from "../conversations.js";
import type * as crons from "../crons.js";
import type * as files from "../files.js";
import type * as http from "../http.js";
import type * as messages from "../messages.js";
import type * as model_access from "../model/access.js";
import type * as model_account_deletion from "../model/account_deletion.js";
import type * as model_account_export from "../model/account_export.js";
import type * as model_account_guard from "../model/account_guard.js";
import type * as model_accounts from "../model/accounts.js";
import type * as model_arguments from "../model/arguments.js";
import type * as model_asks_answering from "../model/asks/answering.js";
import type * as model_asks_asking from "../model/asks/asking.js";
import type * as model_asks_closing from "../model/asks/closing.js";
import type * as model_attached from "../model/attached.js";
import type * as model_attachments from "../model/attachments.js";
import type * as model_bases from "../model/bases.js";
import type * as model_budgets from "../model/budgets.js";
import type * as model_call_revisions from "../model/call_revisions.js";
import type * as model_checkpoints_applying from "../model/checkpoints/applying.js";
import type * as model_checkpoints_hunks from "../model/checkpoints/hunks.js";
import type * as model_checkpoints_keeping from "../model/checkpoints/keeping.js";
import type * as model_checkpoints_kept from "../model/checkpoints/kept.js";
import type * as model_checkpoints_lines from "../model/checkpoints/lines.js";
import type * as model_checkpoints_planning from "../model/checkpoints/planning.js";
import type * as model_checkpoints_recording from "../model/checkpoints/recording.js";
import type * as model_checkpoints_restoring from "../model/checkpoints/restoring.js";
import type * as model_checkpoints_sides from "../model/checkpoints/sides.js";
import type * as model_checkpoints_undoing from "../model/checkpoints/undoing.js";
import type * as model_condensing from "../model/condensing.js";
import type * as model_context from "../model/context.js";
import type * as model_conversations from "../model/conversations.js";
import type * as model_deltas from "../model/deltas.js";
import type * as model_docs from "../model/docs.js";
import type * as model_edits from "../model/edits.js";
import type * as model_errors from "../model/errors.js";
import type * as model_events from "../model/events.js";
import type * as model_files from "../model/files.js";
import type * as model_folders from "../model/folders.js";
import type * as model_forking from "../model/forking.js";
import type * as model_functions from "../model/functions.js";
import type * as model_generating from "../model/generating.js";
import type * as model_generation_end from "../model/generation_end.js";
import type * as model_generation_requests from "../model/generation_requests.js";
import type * as model_lists from "../model/lists.js";
import type * as model_mcp from "../model/mcp.js";
import type * as model_messages from "../model/messages.js";
import type * as model_outbox from "../model/outbox.js";
import type * as model_paths from "../model/paths.js";
import type * as model_plans from "../model/plans.js";
import type * as model_previews from "../model/previews.js";
import type * as model_projects from "../model/projects.js";
import type * as model_pulling from "../model/pulling.js";
import type * as model_records from "../model/records.js";
import type * as model_rows from "../model/rows.js";
import type * as model_running from "../model/running.js";
import type * as model_saving from "../model/saving.js";
import type * as model_sending from "../model/sending.js";
import type * as model_settings from "../model/settings.js";
import type * as model_steering from "../model/steering.js";
import type * as model_storage_use from "../model/storage_use.js";
import type * as model_task_opening from "../model/task_opening.js";
import type * as model_tasks from "../model/tasks.js";
import type * as model_texts from "../model/texts.js";
import type * as model_todos from "../model/todos.js";
import type * as model_transcript from "../model/transcript.js";
import type * as model_transfers from "../model/transfers.js";
import type * as model_usage from "../model/usage.js";
import type * as model_validators from "../model/validators.js";
import type * as projects from "../projects.js";
import type * as settings from "../settings.js";
import type * as system_account from "../system/account.js";
import type * as system_account_deletion from "../system/account_deletion.js";
import type * as system_accounts from "../system/accounts.js";
import type * as system_asks from "../system/asks.js";
import type * as system_attachments from "../system/attachments.js";
import type * as system_checkpoints from "../system/checkpoints.js";
import type * as system_conversations from "../system/conversations.js";
import type * as system_edits from "../system/edits.js";
import type * as system_entries from "../system/entries.js";
import type * as system_events from "../system/events.js";
import type * as system_files from "../system/files.js";
import type * as system_following from "../system/following.js";
import type * as system_forking from "../system/forking.js";
import type * as system_generating from "../system/generating.js";
import type * as system_generations from "../system/generations.js";
import type * as system_health from "../system/health.js";
import type * as system_mcp from "../system/mcp.js";
import type * as system_messages from "../system/messages.js";
import type * as system_outbox from "../system/outbox.js";
import type * as system_plans from "../system/plans.js";
import type * as system_projects from "../system/projects.js";
import type * as system_pulls from "../system/pulls.js";
import type * as system_purge from "../system/purge.js";
import type * as system_requests from "../system/requests.js";
import type * as system_streaming from "../system/streaming.js";
import type * as system_sweep from "../system/sweep.js";
import type * as system_tasks from "../system/tasks.js";
import type * as system_transfers from "../system/transfers.js";
import type * as system_usage from "../system/usage.js";
import type * as todos from "../todos.js";
import type * as transfers from "../transfers.js";
import type * as usage from "../usage.js";
import type * as users from "../users.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  asks: typeof asks;
  conversations: typeof conversations;
  crons: typeof crons;
  files: typeof files;
  http: typeof http;
  messages: typeof messages;
  "model/access": typeof model_access;
  "model/account_deletion": typeof model_account_deletion;
  "model/account_export": typeof model_account_export;
  "model/account_guard": typeof model_account_guard;
  "model/accounts": typeof model_accounts;
  "model/arguments": typeof model_arguments;
  "model/asks/answering": typeof model_asks_answering;
  "model/asks/asking": typeof model_asks_asking;
  "model/asks/closing": typeof model_asks_closing;
  "model/attached": typeof model_attached;
  "model/attachments": typeof model_attachments;
  "model/bases": typeof model_bases;
  "model/budgets": typeof model_budgets;
  "model/call_revisions": typeof model_call_revisions;
  "model/checkpoints/applying": typeof model_checkpoints_applying;
  "model/checkpoints/hunks": typeof model_checkpoints_hunks;
  "model/checkpoints/keeping": typeof model_checkpoints_keeping;
  "model/checkpoints/kept": typeof model_checkpoints_kept;
  "model/checkpoints/lines": typeof model_checkpoints_lines;
  "model/checkpoints/planning": typeof model_checkpoints_planning;
  "model/checkpoints/recording": typeof model_checkpoints_recording;
  "model/checkpoints/restoring": typeof model_checkpoints_restoring;
  "model/checkpoints/sides": typeof model_checkpoints_sides;
  "model/checkpoints/undoing": typeof model_checkpoints_undoing;
  "model/condensing": typeof model_condensing;
  "model/context": typeof model_context;
  "model/conversations": typeof model_conversations;
  "model/deltas": typeof model_deltas;
  "model/docs": typeof model_docs;
  "model/edits": typeof model_edits;
  "model/errors": typeof model_errors;
  "model/events": typeof model_events;
  "model/files": typeof model_files;
  "model/folders": typeof model_folders;
  "model/forking": typeof model_forking;
  "model/functions": typeof model_functions;
  "model/generating": typeof model_generating;
  "model/generation_end": typeof model_generation_end;
  "model/generation_requests": typeof model_generation_requests;
  "model/lists": typeof model_lists;
  "model/mcp": typeof model_mcp;
  "model/messages": typeof model_messages;
  "model/outbox": typeof model_outbox;
  "model/paths": typeof model_paths;
  "model/plans": typeof model_plans;
  "model/previews": typeof model_previews;
  "model/projects": typeof model_projects;
  "model/pulling": typeof model_pulling;
  "model/records": typeof model_records;
  "model/rows": typeof model_rows;
  "model/running": typeof model_running;
  "model/saving": typeof model_saving;
  "model/sending": typeof model_sending;
  "model/settings": typeof model_settings;
  "model/steering": typeof model_steering;
  "model/storage_use": typeof model_storage_use;
  "model/task_opening": typeof model_task_opening;
  "model/tasks": typeof model_tasks;
  "model/texts": typeof model_texts;
  "model/todos": typeof model_todos;
  "model/transcript": typeof model_transcript;
  "model/transfers": typeof model_transfers;
  "model/usage": typeof model_usage;
  "model/validators": typeof model_validators;
  projects: typeof projects;
  settings: typeof settings;
  "system/account": typeof system_account;
  "system/account_deletion": typeof system_account_deletion;
  "system/accounts": typeof system_accounts;
  "system/asks": typeof system_asks;
  "system/attachments": typeof system_attachments;
  "system/checkpoints": typeof system_checkpoints;
  "system/conversations": typeof system_conversations;
  "system/edits": typeof system_edits;
  "system/entries": typeof system_entries;
  "system/events": typeof system_events;
  "system/files": typeof system_files;
  "system/following": typeof system_following;
  "system/forking": typeof system_forking;
  "system/generating": typeof system_generating;
  "system/generations": typeof system_generations;
  "system/health": typeof system_health;
  "system/mcp": typeof system_mcp;
  "system/messages": typeof system_messages;
  "system/outbox": typeof system_outbox;
  "system/plans": typeof system_plans;
  "system/projects": typeof system_projects;
  "system/pulls": typeof system_pulls;
  "system/purge": typeof system_purge;
  "system/requests": typeof system_requests;
  "system/streaming": typeof system_streaming;
  "system/sweep": typeof system_sweep;
  "system/tasks": typeof system_tasks;
  "system/transfers": typeof system_transfers;
  "system/usage": typeof system_usage;
  todos: typeof todos;
  transfers: typeof transfers;
  usage: typeof usage;
  users: typeof users;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
