"""A conversation of 10,000 messages in the data of a product that does not run yet."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.convex import CONVEX_FUNCTIONS
from app.identity.local_user import OWNER
from core.ids import ConversationId, MessageId
from embedded_convex.process import EmbeddedConvex
from store import Store
from store.records import OutboxEvent

QUESTIONS = 5_000  # each with its answer
QUESTION = "Why does the sum of the shares differ from what was spent? " * 10  # 600 characters
LAST = "The last question of all."


@dataclass(frozen=True)
class Crowd:
    """Where it is, and another one beside it that has nothing yet."""

    project_id: str
    crowded: str
    empty: str


async def crowd_in(folder: Path) -> Crowd:
    """Write it through the store; each question interrupts the answer before it.

    The engine hears of none of them: what would have started their runs is acknowledged here.
    """
    key = secrets.token_hex(32)
    data = folder / "polaris" / "convex.sqlite"
    await asyncio.to_thread(data.parent.mkdir, parents=True, exist_ok=True)
    async with (
        EmbeddedConvex(
            CONVEX_FUNCTIONS, data, admin_key="", env={"POLARIS_CONVEX_INTERNAL_KEY": key}
        ) as convex,
        Store(convex.url, internal_key=key) as store,
    ):
        project = await store.projects.create(owner=OWNER, name="Crowd")
        crowded, empty = [
            await store.conversations.create(project.project_id, owner=OWNER, title=title)
            for title in ("Crowded", "Empty")
        ]
        for number in range(1, QUESTIONS):
            await _ask(store, crowded.conversation_id, f"Question {number}. {QUESTION}")
        last = await _ask(store, crowded.conversation_id, LAST)
        cancelled = await store.messages.cancel(last, owner=OWNER)
        await _acknowledge(store, cancelled.events)
    return Crowd(project.project_id, crowded.conversation_id, empty.conversation_id)


async def _ask(store: Store, conversation_id: ConversationId, text: str) -> MessageId:
    sent = await store.messages.send(conversation_id, owner=OWNER, content=text, policy="cancel")
    await _acknowledge(store, sent.events)
    return sent.message_id


async def _acknowledge(store: Store, events: Sequence[OutboxEvent]) -> None:
    await asyncio.gather(*(store.outbox.ack(each.event_id) for each in events))
