"""One embedded Convex with the product's functions for the session; a new owner for each test."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.ids import ConversationId, MessageId, OwnerId, ProjectId, RunId, new_id
from core.node import NODE
from embedded_convex.process import MAIN
from store import DeltaLimits, Store, StoreLimits
from store.records import Lease
from tests.store.proxy import FaultyProxy, faulty_proxy

ROOT = Path(__file__).parents[2]
KEY = "test-internal-key-test-internal-key-0123456"
QUICK = StoreLimits(deadline_s=5, attempt_s=2, connect_s=1, first_pause_s=0.01, longest_pause_s=0.1)


@pytest.fixture(scope="session")
def convex_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("convex")
    arguments = ["--dir", str(ROOT / "convex"), "--data", str(folder / "data.sqlite")]
    with (folder / "log").open("wb") as log:
        program = subprocess.Popen(  # noqa: S603 - our own program
            [NODE, "--disable-warning=ExperimentalWarning", MAIN, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={"POLARIS_CONVEX_INTERNAL_KEY": KEY, "CONVEX_ADMIN_KEY": "admin"},
        )
    try:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line, (folder / "log").read_text()
        yield json.loads(line)["url"]
    finally:
        program.terminate()
        program.wait(15)
        for pipe in (program.stdin, program.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
async def store(convex_url: str) -> AsyncIterator[Store]:
    async with Store(convex_url, internal_key=KEY) as store:
        yield store


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


@pytest.fixture
def owner() -> OwnerId:
    return OwnerId(new_id("user"))


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
