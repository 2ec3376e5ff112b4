// What a message was sent with, as runs and as people get it.
import type { Infer } from "convex/values";
import { bytesOf, only } from "./rows.ts";
import { attachment, type keptAttachment, shownAttachment } from "./validators.ts";

export type Kept = Infer<typeof keptAttachment>;

/** What of attachments counts as text of an answer. */
export function attachedBytes(attachments: Kept[] = []): number {
  return attachments.reduce((sum, { text = "" }) => sum + bytesOf(text), 0);
}

export function toAttachments(attachments: Kept[] | undefined): Infer<typeof attachment>[] | undefined {
  return attachments?.map((one) => only(attachment, one));
}

export function toShownAttachments(attachments: Kept[] | undefined): Infer<typeof shownAttachment>[] | undefined {
  return attachments?.map((one) => only(shownAttachment, one));
}
