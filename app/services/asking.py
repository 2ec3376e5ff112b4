"""What the agent asks people, and their answers: one write, then the events that wake the runs."""

from dataclasses import dataclass

from core.ids import AskId, ConversationId, OwnerId
from jobs.outbox import Relay
from store.gateway import Store
from store.records import Ask, AskAnswer


@dataclass(frozen=True)
class Asking:
    """What the routes of questions and approvals do."""

    store: Store
    relay: Relay

    async def list(
        self, conversation_id: ConversationId, *, owner: OwnerId, limit: int
    ) -> tuple[Ask, ...]:
        """What was asked in a conversation, newest first. Raises: NotFound."""
        return await self.store.asks.list(conversation_id, owner=owner, limit=limit)

    async def answer(
        self, ask_id: AskId, answer: AskAnswer, *, owner: OwnerId, key: str | None
    ) -> Ask:
        """Keep the answer and wake the run that waits for it.

        Raises: as `store.asks.answer`.
        """
        answered = await self.store.asks.answer(ask_id, answer, owner=owner, key=key)
        await self.relay.deliver_all(answered.events)
        return answered.ask
