// Errors of both doors (HTTP and Convex) in words for people.
import { ConvexError } from "convex/values";

/** What to show of an error. */
export function wordsOf(error: unknown): string {
  if (error instanceof ConvexError) {
    const { message } = error.data as { message?: unknown };
    if (typeof message === "string") return message;
  }
  return error instanceof Error && error.message !== "" ? error.message : "Something went wrong. Reload the page and try again.";
}

/** Whether it says that there is no such thing, or that it is somebody else's. */
export function isNotFound(error: unknown): boolean {
  if (error instanceof ConvexError) return (error.data as { kind?: unknown }).kind === "not_found";
  return error instanceof Error && error.message.includes("ArgumentValidationError");
}
