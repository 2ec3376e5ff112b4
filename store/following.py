"""Conversations as those who follow them read them."""

from collections.abc import Sequence

from core.ids import ConversationId, MessageId, OwnerId
from store.client import ConvexHttp
from store.records import ConversationHead, FollowedMessage, FollowedStream
from store.rows import decode

HEADS = 100  # in one query


class FollowedConversations:
    """Reads only; `heads` and `stream` take ids that were resolved through their owner before."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def heads(
        self, conversations: Sequence[ConversationId]
    ) -> tuple[ConversationHead | None, ...]:
        """How far each is, in this order, at most `HEADS`; None: it is gone."""
        args = {"conversationIds": list(conversations)}
        rows = await self._http.query("system/following:heads", args)
        return tuple(None if row is None else decode(ConversationHead, row) for row in rows)

    async def messages(
        self, conversation_id: ConversationId, *, owner: OwnerId, start: int, limit: int = 20
    ) -> tuple[FollowedMessage, ...]:
        """The first messages from a place on, with whole texts. Raises: NotFound."""
        args = {
            "ownerId": owner,
            "conversationId": conversation_id,
            "from": start,
            "limit": limit,
        }
        rows = await self._http.query("system/following:messages", args)
        return tuple(decode(FollowedMessage, row) for row in rows)

    async def stream(
        self, message_id: MessageId, *, start: int, before: int | None = None
    ) -> FollowedStream | None:
        """What was streamed from a delta on, up to another; None: the message is gone."""
        args = {"messageId": message_id, "from": start, "before": before}
        row = await self._http.query("system/following:stream", args)
        return None if row is None else decode(FollowedStream, row)
