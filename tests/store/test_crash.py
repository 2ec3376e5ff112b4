"""Convex is killed while answers stream into it; nothing that was said is lost or said twice."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.ids import OwnerId, RunId
from embedded_convex.process import EmbeddedConvex
from store import Store, StoreLimits
from store.records import MessageStatus
from tests.support.store import KEY, ROOT


def _convex(data_file: Path, port: int = 0) -> EmbeddedConvex:
    env = {"POLARIS_CONVEX_INTERNAL_KEY": KEY}
    return EmbeddedConvex(ROOT / "convex", data_file, admin_key="admin", env=env, port=port)


@pytest.mark.timeout(60)
async def test_nothing_is_lost_when_convex_is_killed_in_the_middle_of_answers(tmp_path: Path):
    owner, data_file = OwnerId("ann"), tmp_path / "data.sqlite"
    limits = StoreLimits(first_pause_s=0.05, longest_pause_s=0.2)
    async with (
        AsyncExitStack() as successors,
        _convex(data_file) as convex,
        Store(convex.url, internal_key=KEY, limits=limits) as store,
    ):
        port = urlsplit(convex.url).port or 0
        project = await store.projects.create(owner=owner, name="P")
        half_said = asyncio.Semaphore(0)

        async def answer(number: int) -> str:
            title = f"T{number}"
            talk = await store.conversations.create(project.project_id, owner=owner, title=title)
            sent = await store.messages.send(
                talk.conversation_id, owner=owner, content="go", policy="cancel"
            )
            lease = await store.generations.begin(sent.message_id, run_id=RunId("r"))
            writer = store.deltas.open(lease)
            said = ""
            for i in range(60):
                said += f"{number}.{i} "
                await writer.text(0, f"{number}.{i} ")
                if i == 30:
                    half_said.release()
                await asyncio.sleep(0.01)
            await writer.flush()
            await store.messages.cancel(sent.message_id, owner=owner)
            message = await store.messages.owned(sent.message_id, owner=owner)
            assert message.status == MessageStatus.CANCELLED
            assert message.content == said
            return said

        async with asyncio.TaskGroup() as tasks:
            for number in range(5):
                tasks.create_task(answer(number))
            await half_said.acquire()
            os.kill(convex.pid, signal.SIGKILL)
            await convex.wait()
            await successors.enter_async_context(_convex(data_file, port))
        page = await store.conversations.list(project.project_id, owner=owner)
        assert len(page.items) == 5
