"""What the agent asks a person: asked by its run, answered once by the owner."""

from core.ids import AskId, ConversationId, MessageId, OwnerId, new_id
from store.client import ConvexHttp
from store.records import AnsweredAsk, Ask, AskAnswer, Lease, NewAsk
from store.rows import decode, encode


class Asks:
    """`list` and `answer` go through the owner; the rest needs the lease of the answer."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def open(self, lease: Lease, ask: NewAsk) -> Ask:
        """Ask, unless this call has asked before; what is on record.

        Raises:
            GenerationClosed: the message is final, or a later attempt's.
            Refused: a text or a list is too long.
        """
        given = encode(ask) | {"expiresAt": ask.expires_at.timestamp() * 1000}
        value = await self._http.mutation("system/asks:open", _of(lease) | {"ask": given})
        return decode(Ask, value)

    async def settle(self, lease: Lease, ask_id: AskId) -> Ask:
        """What became of it, now that its run waits no more: one that is open expires.

        Raises:
            GenerationClosed: the message is final, or a later attempt's.
            NotFound: it was not asked for this message.
        """
        return decode(
            Ask, await self._http.mutation("system/asks:settle", _of(lease) | {"askId": ask_id})
        )

    async def of_message(self, message_id: MessageId) -> tuple[Ask, ...]:
        """What an answer has asked, in order; for its run. Raises: NotFound."""
        rows = await self._http.query("system/asks:ofMessage", {"messageId": message_id})
        return tuple(decode(Ask, row) for row in rows)

    async def list(
        self, conversation_id: ConversationId, *, owner: OwnerId, limit: int = 50
    ) -> tuple[Ask, ...]:
        """What was asked in a conversation, newest first, at most 100. Raises: NotFound."""
        args = {"ownerId": owner, "conversationId": conversation_id, "limit": limit}
        rows = await self._http.query("system/asks:list", args)
        return tuple(decode(Ask, row) for row in rows)

    async def answer(
        self, ask_id: AskId, answer: AskAnswer, *, owner: OwnerId, key: str | None = None
    ) -> AnsweredAsk:
        """Keep the owner's answer; the same `key` again changes nothing.

        Raises:
            NotFound: not the owner's, or its project or conversation is gone.
            Conflict: answered before (`already_answered`), or over (`ask_closed`).
            Refused: not what was asked for (`bad_answer`).
        """
        given = {"ownerId": owner, "askId": ask_id, "answer": encode(answer)}
        args = given | {"key": key or new_id("req")}
        return decode(AnsweredAsk, await self._http.mutation("system/asks:answer", args))


def _of(lease: Lease) -> dict[str, object]:
    return {"messageId": lease.message_id, "epoch": lease.epoch}
