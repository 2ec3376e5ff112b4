"""Sub-agents, asked by the run whose call they work for."""

from core.ids import MessageId, OwnerId, ToolCallId
from store.client import ConvexHttp
from store.records import Lease, TaskAnswer
from store.rows import decode


class Tasks:
    """`open` needs the lease of the answer with the call; `of_message` goes through the owner."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def open(  # noqa: PLR0913 - what a task is
        self,
        lease: Lease,
        *,
        turn: int,
        tool_call_id: ToolCallId,
        title: str,
        prompt: str,
        model: str | None = None,
    ) -> MessageId:
        """Show the call as running and ask a sub-agent, once; the answer that is to be written.

        Raises:
            GenerationClosed: the message is final, or a later attempt's.
            NotFound: it has no such call.
            Refused: no title, or a prompt of more than 100,000 characters.
        """
        args = {
            "messageId": lease.message_id,
            "epoch": lease.epoch,
            "turn": turn,
            "toolCallId": tool_call_id,
            "title": title,
            "prompt": prompt,
            "model": model,
        }
        return MessageId(str(await self._http.mutation("system/tasks:open", args)))

    async def of_message(self, message_id: MessageId, *, owner: OwnerId) -> tuple[TaskAnswer, ...]:
        """The sub-agents of an answer, in the order in which they were asked. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id}
        rows = await self._http.query("system/tasks:list", args)
        return tuple(decode(TaskAnswer, row) for row in rows)
