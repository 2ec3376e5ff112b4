"""No answer stays `processing` when nobody is going to finish it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock, SystemClock
from core.ids import MessageId, OwnerId
from engine import Engine, JobContext, SqliteDatabase, job
from jobs.events import MessageSent, engine_event
from jobs.reap import ENDED_WITHOUT_ANSWER, Reaper, ReapTimes
from store import Store
from store.records import MessageStatus, SentMessage

pytestmark = pytest.mark.timeout(30)


@dataclass
class Work:
    """What the job of this test does: it waits for `may_end`, and writes nothing."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    senders: list[str] = field(default_factory=list[str])


@job("process-message", on=MessageSent)
async def forgetful(ctx: JobContext[MessageSent]) -> None:
    work = ctx.need(Work)

    async def wait() -> None:
        work.senders.append(str((ctx.event.user or {}).get("id")))
        work.begun.set()
        await work.may_end.wait()

    await ctx.step.run("wait", wait)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def engine(work: Work, tmp_path: Path) -> AsyncIterator[Engine]:
    database = SqliteDatabase(tmp_path / "engine.sqlite")
    async with Engine(jobs=[forgetful], database=database, provide=[work], grace_s=0.1) as engine:
        yield engine


@pytest.fixture
def reaper(store: Store, engine: Engine) -> Reaper:
    """It lives an hour from now, so that everything has been silent for long."""
    clock = ManualClock(SystemClock().now() + timedelta(hours=1))
    return Reaper(store, engine, clock, ReapTimes())


@pytest.fixture
async def sent(store: Store, owner: OwnerId) -> SentMessage:
    project = await store.projects.create(owner=owner, name="Shop")
    chat = await store.conversations.create(project.project_id, owner=owner, title="One")
    return await store.messages.send(
        chat.conversation_id, owner=owner, content="hello", policy="queue"
    )


async def status(store: Store, message_id: MessageId) -> MessageStatus | None:
    return await store.generations.status_of(message_id)


async def test_an_event_that_never_reached_the_engine_is_sent(
    store: Store, reaper: Reaper, work: Work, sent: SentMessage, owner: OwnerId
) -> None:
    await reaper.sweep()
    await work.begun.wait()
    assert work.senders == [owner]
    assert await status(store, sent.message_id) == MessageStatus.PROCESSING


async def test_a_run_that_is_alive_is_left_alone_and_noted(
    store: Store, engine: Engine, reaper: Reaper, work: Work, sent: SentMessage
) -> None:
    started = await engine.send(engine_event(sent.events[0]))
    await work.begun.wait()
    await reaper.sweep()
    generation = await store.generations.of(sent.message_id)
    assert generation is not None
    assert generation.status == MessageStatus.PROCESSING
    assert generation.run_id == started.run_ids[0]
    assert len(work.senders) == 1


async def test_a_run_that_ended_without_an_answer_closes_the_message(
    store: Store, engine: Engine, reaper: Reaper, work: Work, sent: SentMessage, owner: OwnerId
) -> None:
    started = await engine.send(engine_event(sent.events[0]))
    work.may_end.set()
    await engine.wait(started.run_ids[0], 10)
    await reaper.sweep()
    message = await store.messages.owned(sent.message_id, owner=owner)
    assert (message.status, message.error_code) == (MessageStatus.FAILED, "run_lost")
    assert message.error == ENDED_WITHOUT_ANSWER


async def test_what_is_not_silent_is_not_looked_at(
    store: Store, engine: Engine, sent: SentMessage, work: Work
) -> None:
    reaper = Reaper(store, engine, SystemClock(), ReapTimes())
    await reaper.sweep()
    assert await status(store, sent.message_id) == MessageStatus.PROCESSING
    assert not work.begun.is_set()
