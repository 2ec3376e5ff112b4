"""One embedded Convex with the product's functions for the session; a new owner for each test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from core.ids import ConversationId, MessageId, OwnerId, ProjectId, RunId, new_id
from store import DeltaLimits, Store, StoreLimits
from store.records import Lease
from tests.store.proxy import FaultyProxy, faulty_proxy
from tests.support.store import KEY, convex_url, owner, store

__all__ = ["convex_url", "owner", "store"]

QUICK = StoreLimits(deadline_s=5, attempt_s=2, connect_s=1, first_pause_s=0.01, longest_pause_s=0.1)


@pytest.fixture
async def proxy(convex_url: str) -> AsyncIterator[FaultyProxy]:
    async with faulty_proxy(convex_url) as proxy:
        yield proxy


@pytest.fixture
async def shaky(proxy: FaultyProxy) -> AsyncIterator[Store]:
    """A store whose requests pass through the proxy."""
    limits = DeltaLimits(interval_s=0.02, close_s=1)
    async with Store(proxy.url, internal_key=KEY, limits=QUICK, delta_limits=limits) as store:
        yield store


@dataclass(frozen=True)
class Chat:
    """A conversation with an answer that a run has begun to write."""

    owner: OwnerId
    project_id: ProjectId
    conversation_id: ConversationId
    message_id: MessageId
    lease: Lease


@pytest.fixture
async def chat(store: Store, owner: OwnerId) -> Chat:
    project = await store.projects.create(owner=owner, name="Shop")
    conversation = await store.conversations.create(project.project_id, owner=owner, title="One")
    return await answer_in(store, owner, project.project_id, conversation.conversation_id)


async def answer_in(
    store: Store, owner: OwnerId, project_id: ProjectId, conversation_id: ConversationId
) -> Chat:
    """Another message in the conversation, whose answer a run has begun to write."""
    sent = await store.messages.send(conversation_id, owner=owner, content="hello", policy="queue")
    lease = await store.generations.begin(sent.message_id, run_id=RunId(new_id("run")))
    return Chat(owner, project_id, conversation_id, sent.message_id, lease)
