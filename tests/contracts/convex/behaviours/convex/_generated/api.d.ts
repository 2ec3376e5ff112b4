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
import type * as beats from "../beats.js";
import type * as crons from "../crons.js";
import type * as documents from "../documents.js";
import type * as histories from "../histories.js";
import type * as http from "../http.js";
import type * as identity from "../identity.js";
import type * as limits from "../limits.js";
import type * as nested_deep from "../nested/deep.js";
import type * as nodejs from "../nodejs.js";
import type * as posts from "../posts.js";
import type * as rows from "../rows.js";
import type * as scheduling from "../scheduling.js";
import type * as storage from "../storage.js";
import type * as tables from "../tables.js";
import type * as together from "../together.js";
import type * as transactions from "../transactions.js";
import type * as values from "../values.js";
import type * as vectors from "../vectors.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  beats: typeof beats;
  crons: typeof crons;
  documents: typeof documents;
  histories: typeof histories;
  http: typeof http;
  identity: typeof identity;
  limits: typeof limits;
  "nested/deep": typeof nested_deep;
  nodejs: typeof nodejs;
  posts: typeof posts;
  rows: typeof rows;
  scheduling: typeof scheduling;
  storage: typeof storage;
  tables: typeof tables;
  together: typeof together;
  transactions: typeof transactions;
  values: typeof values;
  vectors: typeof vectors;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
