// A conversation gets another title, or is deleted.
import { useMutation, useQuery } from "convex/react";
import { api } from "../../../convex/_generated/api.js";
import type { Id } from "../../../convex/_generated/dataModel.d.ts";
import { Ask } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { wordsOf } from "../ui/problems.ts";

interface ConversationDialogProps {
  id: Id<"conversations">;
  what: "rename" | "delete";
  onGone: () => void;
  onClose: () => void;
}

export default function ConversationDialog({ id, what, onGone, onClose }: ConversationDialogProps) {
  const conversation = useQuery(api.conversations.getById, what === "rename" ? { id } : "skip");
  const rename = useMutation(api.conversations.rename);
  const say = useNotices();
  const remove = useMutation(api.conversations.remove);
  if (what === "delete") {
    return (
      <Ask
        title="Delete this conversation?"
        text="Its messages go with it, for good, and what is being written in it stops. Files stay as they are."
        action="Delete"
        isDanger
        onClose={onClose}
        onDone={async () => {
          onGone(); // or the page would ask for what is not there any more
          await remove({ id }).catch((error: unknown) => say(wordsOf(error)));
        }}
      />
    );
  }
  if (conversation === undefined) return null;
  return (
    <Ask
      title="Rename the conversation"
      field={{ label: "Title", value: conversation.title }}
      action="Rename"
      onClose={onClose}
      onDone={(title) => rename({ id, title })}
    />
  );
}
