// The paths of a project's files, live and without their texts.
import { usePaginatedQuery } from "convex/react";
import { useEffect } from "react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import type { Entry } from "./tree.ts";

const PAGE = 1_000;

/** All of them, page after page; `isWhole` once none is missing. */
export function useEntries(projectId: Id<"projects">): { entries: readonly Entry[]; isWhole: boolean } {
  const { results, status, loadMore } = usePaginatedQuery(api.files.paths, { projectId }, { initialNumItems: PAGE });
  useEffect(() => {
    if (status === "CanLoadMore") loadMore(PAGE);
  }, [status, loadMore]);
  return { entries: results, isWhole: status === "Exhausted" };
}
