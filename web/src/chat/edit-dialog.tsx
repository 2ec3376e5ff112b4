// A message said otherwise: the conversation goes on from there in another one.
import { useState } from "react";
import { useLocation } from "wouter";
import type { Message } from "../data/answer.ts";
import { useApi } from "../data/api.ts";
import { Dialog, Form } from "../ui/dialog.tsx";

export default function EditDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const http = useApi();
  const [, go] = useLocation();
  const [text, setText] = useState(message.content);
  const [restoreFiles, setRestore] = useState(false);
  async function send() {
    const body = { content: text, restoreFiles };
    const { conversationId } = await http.call<{ conversationId: string }>("POST", `/messages/${message._id}/edit`, body);
    onClose();
    go(`/p/${message.projectId}/c/${conversationId}`);
  }
  return (
    <Dialog label="Say it otherwise" onClose={onClose} isWide>
      <Form title="Say it otherwise" action="Send in a new conversation" canSubmit={text.trim() !== ""} onClose={onClose} onSubmit={send}>
        <p>What came before goes along. This conversation stays as it is.</p>
        <textarea autoFocus aria-label="Message" maxLength={100_000} value={text} onChange={(event) => setText(event.target.value)} />
        <label>
          <input type="checkbox" checked={restoreFiles} onChange={(event) => setRestore(event.target.checked)} />
          First undo what was changed in files since
        </label>
      </Form>
    </Dialog>
  );
}
