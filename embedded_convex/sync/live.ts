// Live queries: each runs again only when a range that it has read was written; equal ones share one run.
import type { JSONValue } from "convex/values";
import { type Identity, identityKey } from "../access/auth.ts";
import type { Touched } from "../data/database.ts";
import { type Journal, newRequest } from "../execution/execution.ts";
import { canonicalPath } from "../code/functions.ts";
import type { ReadSet } from "../data/reads.ts";
import type { Runner } from "../execution/runner.ts";
import { printEncoded } from "../values/values.ts";

/** Who is told that a live query must be sent again. */
export interface Holder {
  stale(): void;
}

export type QueryText = {
  isFailure: boolean;
  /** The fields of QueryUpdated or QueryFailed after the query id, as JSON text. */
  fields: string;
  /** Equal for equal results: a result that did not change is not sent. */
  identity: string;
};

export class LiveQuery {
  readonly path: string;
  readonly args: JSONValue;
  readonly caller: Identity;
  readonly holders = new Set<Holder>();
  key: string;
  journal: string | null;
  reads: ReadSet | null = null;
  isStale = true;
  text: QueryText | null = null;

  constructor(given: { key: string; path: string; args: JSONValue; caller: Identity; journal: string | null }) {
    this.key = given.key;
    this.path = given.path;
    this.args = given.args;
    this.caller = given.caller;
    this.journal = given.journal;
  }
}

export class LiveQueries {
  private readonly runner: Runner;
  private readonly shared = new Map<string, LiveQuery>();
  private readonly all = new Set<LiveQuery>();
  private readonly readers = new Map<number, Set<LiveQuery>>();

  constructor(runner: Runner) {
    this.runner = runner;
    runner.onCommit((touched) => this.invalidate(touched));
  }

  hold(holder: Holder, given: { path: string; args: JSONValue; caller: Identity; journal: string | null }): LiveQuery {
    const key = JSON.stringify([canonicalPath(given.path), given.args, identityKey(given.caller), given.journal]);
    let query = this.shared.get(key);
    if (query === undefined) {
      query = new LiveQuery({ key, ...given });
      this.shared.set(key, query);
      this.all.add(query);
    }
    query.holders.add(holder);
    return query;
  }

  /** `holder` has no more use for it under any of its query ids. */
  release(holder: Holder, query: LiveQuery): void {
    query.holders.delete(holder);
    if (query.holders.size > 0) return;
    this.unindex(query);
    this.all.delete(query);
    if (this.shared.get(query.key) === query) this.shared.delete(query.key);
  }

  private invalidate(touched: readonly Touched[]): void {
    for (const write of touched) {
      const readers = this.readers.get(write.index);
      if (readers === undefined) continue;
      for (const query of readers) {
        if (!query.isStale && query.reads?.isHitBy(write)) this.spoil(query);
      }
    }
  }

  /** Everything runs again, as after the functions were replaced. */
  invalidateAll(): void {
    for (const query of this.all) this.spoil(query);
  }

  private spoil(query: LiveQuery): void {
    query.isStale = true;
    for (const holder of query.holders) holder.stale();
  }

  /** Run it if it is stale. Needs the lock. */
  async refresh(query: LiveQuery): Promise<QueryText> {
    if (!query.isStale && query.text !== null) return query.text;
    const journal: Journal = { given: query.journal, kept: null };
    const { path, args, caller: identity } = query;
    const { outcome, reads } = await this.runner.queryInLock({ path, args, identity, request: newRequest() }, journal);
    query.isStale = false; // not if that has thrown: then it has no result of now
    this.unindex(query);
    query.reads = reads;
    if (query.holders.size > 0) this.index(query);
    if (journal.kept !== null) this.pin(query, query.journal ?? journal.kept);
    const tail = `"logLines":${JSON.stringify(outcome.logLines)},"journal":${JSON.stringify(query.journal)}`;
    if (outcome.ok) {
      const value = printEncoded(JSON.parse(outcome.value) as JSONValue);
      query.text = { isFailure: false, fields: `"value":${value},${tail}`, identity: value };
    } else {
      const data = outcome.data === undefined ? "" : `"errorData":${printEncoded(outcome.data)},`;
      const identity = `failed ${withoutRequestId(outcome.message)} ${data}`;
      const fields = `"errorMessage":${JSON.stringify(outcome.message)},${data}${tail}`;
      query.text = { isFailure: true, fields, identity };
    }
    return query.text;
  }

  /** A page keeps its end from now on; whoever asks for the same page anew gets one of its own. */
  private pin(query: LiveQuery, journal: string): void {
    if (query.journal === journal) return;
    query.journal = journal;
    if (this.shared.get(query.key) === query) this.shared.delete(query.key);
  }

  private index(query: LiveQuery): void {
    for (const index of query.reads?.touchedIndexes ?? []) {
      let readers = this.readers.get(index);
      if (readers === undefined) {
        readers = new Set();
        this.readers.set(index, readers);
      }
      readers.add(query);
    }
  }

  private unindex(query: LiveQuery): void {
    for (const index of query.reads?.touchedIndexes ?? []) {
      const readers = this.readers.get(index);
      readers?.delete(query);
      if (readers?.size === 0) this.readers.delete(index);
    }
  }
}

function withoutRequestId(message: string): string {
  return message.replace(/^\[Request ID: \w+\]/, "");
}
