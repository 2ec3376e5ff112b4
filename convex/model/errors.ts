// Refusals: `kind` picks the caller's class of error, `code` is for programs, `message` for people.
import { ConvexError } from "convex/values";

type Extra = Record<string, string>;
type Kind = "not_found" | "conflict" | "refused" | "denied";
type Refusal = ConvexError<Record<string, string>>;

function refusal(kind: Kind, code: string, message: string, extra: Extra): Refusal {
  return new ConvexError({ kind, code, message, ...extra });
}

/** It does not exist, or belongs to somebody else: callers cannot tell which. */
export function notFound(message: string): Refusal {
  return refusal("not_found", "not_found", message, {});
}

/** It exists, but its state forbids this now. */
export function conflict(code: string, message: string, extra: Extra = {}): Refusal {
  return refusal("conflict", code, message, extra);
}

/** The caller must change something. */
export function refused(code: string, message: string, extra: Extra = {}): Refusal {
  return refusal("refused", code, message, extra);
}

/** The caller is nobody, or has the wrong key. */
export function denied(message: string): Refusal {
  return refusal("denied", "unauthorized", message, {});
}

/** The message is final, or a later attempt holds it. */
export function generationClosed(why: string): Refusal {
  return refusal("refused", "generation_closed", why, {});
}
