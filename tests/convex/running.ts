// An answer that is being written, for the tests of its writing.
import { ANN, api, type Backend, backend, begin, chat, KEY, send } from "./backend.ts";

export async function running() {
  const b = backend();
  const { projectId, conversationId } = await chat(b);
  const { messageId } = await send(b, conversationId);
  const { epoch } = await begin(b, messageId);
  return { b, projectId, conversationId, messageId, epoch };
}

export async function cancel({ t }: Backend, messageId: string) {
  return await t.mutation(api.system.messages.cancel, {
    internalKey: KEY,
    ownerId: ANN,
    messageId,
  });
}
