"""No answer stays `processing` when nobody is going to finish it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock, SystemClock
from core.ids import MessageId, OwnerId, RunId
from engine import (
    Engine,
    Event,
    JobContext,
    PostgresDatabase,
    RunInfo,
    SentEvent,
    SqliteDatabase,
    job,
)
from jobs.answer.reap import ENDED_WITHOUT_ANSWER, Reaper
from jobs.events import MessageSent, approvals_of, engine_event
from jobs.outbox import Relay
from jobs.reaping import FAULTS_IN_A_ROW, ReapTimes
from store import Store
from store.records import ApprovalRule, MessageStatus, SentMessage
from tests.support.waiting import until
from tools.approvals import Rule

pytestmark = pytest.mark.timeout(30)


@dataclass
class Work:
    """What the job of this test does: it waits for `may_end`, and writes nothing.

    The store is shared: the reaper finds what other tests have left, too, and `asked` says whose.
    """

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[str, MessageSent]] = field(default_factory=list[tuple[str, MessageSent]])

    def of(self, owner: OwnerId) -> list[MessageSent]:
        return [asked for sender, asked in self.asked if sender == owner]


@job("process-message", on=MessageSent)
async def forgetful(ctx: JobContext[MessageSent]) -> None:
    work = ctx.need(Work)

    async def wait() -> None:
        work.asked.append((str((ctx.event.user or {}).get("id")), ctx.event.data))
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
    await until(lambda: bool(work.of(owner)), 10)
    assert [asked.message_id for asked in work.of(owner)] == [sent.message_id]
    assert await status(store, sent.message_id) == MessageStatus.PROCESSING


async def test_a_run_that_was_never_started_goes_by_the_settings_of_its_project(
    store: Store, reaper: Reaper, work: Work, sent: SentMessage, owner: OwnerId
) -> None:
    rules = (ApprovalRule("writeFile", "deny", "src/**"), ApprovalRule("*", "ask"))
    await store.projects.configure(
        sent.project_id,
        owner=owner,
        change={"approvals": rules, "tool_set": "ids", "registries": ()},
    )
    await reaper.sweep()
    await until(lambda: bool(work.of(owner)), 10)
    (asked,) = work.of(owner)
    assert approvals_of(asked) == (Rule("writeFile", "deny", "src/**"), Rule("*", "ask"))
    assert (asked.tool_set, asked.registries) == ("ids", "")


async def test_a_run_that_is_alive_is_left_alone_and_noted(
    store: Store,
    engine: Engine,
    reaper: Reaper,
    work: Work,
    sent: SentMessage,
    owner: OwnerId,
) -> None:
    started = await engine.send(engine_event(sent.events[0]))
    await work.begun.wait()
    await reaper.sweep()
    generation = await store.generations.of(sent.message_id)
    assert generation is not None
    assert generation.status == MessageStatus.PROCESSING
    assert generation.run_id == started.run_ids[0]
    assert len(work.of(owner)) == 1


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
    store: Store, engine: Engine, sent: SentMessage, work: Work, owner: OwnerId
) -> None:
    reaper = Reaper(store, engine, SystemClock(), ReapTimes())
    await reaper.sweep()
    assert await status(store, sent.message_id) == MessageStatus.PROCESSING
    assert work.of(owner) == []


async def chat_of(store: Store, owner: OwnerId) -> SentMessage:
    project = await store.projects.create(owner=owner, name="Shop")
    chat = await store.conversations.create(project.project_id, owner=owner, title="One")
    return await store.messages.send(
        chat.conversation_id, owner=owner, content="hello", policy="queue"
    )


@pytest.mark.timeout(60)
async def test_a_row_that_the_engine_cannot_hold_leaves_the_others(
    store: Store, postgres: PostgresDatabase, work: Work, owner: OwnerId
) -> None:
    spoilt = await chat_of(store, OwnerId(f"{owner}\0"))  # as a Convex of its own may let in
    sent = await chat_of(store, owner)
    clock = ManualClock(SystemClock().now() + timedelta(hours=1))
    engine = Engine(jobs=[forgetful], database=postgres, provide=[work], grace_s=0.1)
    async with engine, asyncio.timeout(30):
        reaper = Reaper(store, engine, clock, ReapTimes())
        await reaper.sweep()
        found = await store.generations.of(sent.message_id)
        assert found is not None
        assert (found.status, found.run_id is not None) == (MessageStatus.PROCESSING, True)
        relay = Relay(store.outbox, engine)
        assert await relay.deliver_now(spoilt.events[0]) is None
        assert await relay.relay_pending() >= 0


class Broken:
    """An engine with a bug: for the runs of one message, or for all."""

    def __init__(self, engine: Engine, message_id: MessageId | None) -> None:
        self._engine = engine
        self._message_id = message_id
        self.asked = 0
        self.asked_again = asyncio.Event()

    async def send(self, event: Event) -> SentEvent:
        self.asked += 1
        if self.asked > FAULTS_IN_A_ROW:
            self.asked_again.set()
        if self._message_id in {None, event.data["messageId"]}:
            raise RuntimeError("a bug")
        return await self._engine.send(event)

    async def run(self, run_id: RunId) -> RunInfo:
        return await self._engine.run(run_id)


async def test_one_that_cannot_be_looked_at_goes_behind_the_others(
    store: Store,
    engine: Engine,
    sent: SentMessage,
    owner: OwnerId,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = await chat_of(store, owner)
    broken = Broken(engine, sent.message_id)
    now = ManualClock(SystemClock().now() + timedelta(hours=1))
    reaper = Reaper(store, broken, now, ReapTimes())
    await reaper.sweep()
    (report,) = [line for line in caplog.records if line.message == "generation_set_aside"]
    assert getattr(report, "message_id", "") == sent.message_id
    assert report.exc_info is not None
    found = await store.generations.of(other.message_id)
    assert found is not None
    assert found.run_id is not None  # looked at, although it stood behind


async def test_an_engine_that_always_fails_ends_the_sweep_and_not_the_reaper(
    store: Store, engine: Engine, owner: OwnerId, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(FAULTS_IN_A_ROW + 1):
        await chat_of(store, owner)
    broken = Broken(engine, None)
    now = ManualClock(SystemClock().now() + timedelta(hours=1))
    reaper = Reaper(store, broken, now, ReapTimes(every_s=0.01))
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(20):
        task = tasks.create_task(reaper.run())
        await broken.asked_again.wait()
        task.cancel()
    end = caplog.messages.index("reap_postponed")
    before = caplog.messages[max(0, end - FAULTS_IN_A_ROW + 1) : end]
    assert before == ["generation_set_aside"] * (FAULTS_IN_A_ROW - 1)
