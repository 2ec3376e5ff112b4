"""Sleeping, waiting, invoking, sending: each is remembered, and ends at once when it may."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine import (
    Engine,
    Event,
    EventData,
    JobContext,
    NonRetriable,
    PostgresDatabase,
    StepFailed,
    job,
)
from engine.dbos import private
from engine.events import WireEvent
from engine.steps.waits import NewWait, answer_waits, open_wait, read_wait
from engine.storage.eventlog import event_body, store_event
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn, until_waiting
from tests.support.waiting import until


class Approved(EventData, event="test/approved"):
    question_id: str
    by: str = "nobody"


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - measures the engine


async def test_sleep_and_sleep_until_last_as_long_as_they_say(start: Start) -> None:
    @job("sleepy", on=Asked)
    async def sleepy(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("text", "100ms")
        await ctx.step.sleep("delta", timedelta(milliseconds=100))
        await ctx.step.sleep_until("past", datetime(2020, 1, 1, tzinfo=UTC))

    engine = await start([sleepy])
    began = now()
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    assert now() - began >= timedelta(seconds=0.2)


async def test_sleep_is_not_started_over_by_a_restart(start: Start) -> None:
    @job("nap", on=Asked)
    async def nap(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("nap", 2.5)

    first = await start([nap], executor_id="one")
    began = now()
    sent = await first.send(Asked())
    await until(lambda: bool(first.live_runs()))
    await asyncio.sleep(2.0)
    await first.__aexit__(None, None, None)
    second = await start([nap], executor_id="one")
    assert (await second.wait(sent.run_ids[0], 5)).status == "completed"
    assert now() - began < timedelta(seconds=2.0 + 2.5)


async def test_sleeping_run_is_cancelled_at_once(start: Start) -> None:
    @job("long", on=Asked)
    async def long(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "1w")

    engine = await start([long])
    sent = await engine.send(Asked())
    await until(lambda: bool(engine.live_runs()))
    assert await engine.cancel(sent.run_ids[0])
    assert engine.live_runs() == []


@job("approval", on=Asked)
async def approval(ctx: JobContext[Asked]) -> str:
    found = await ctx.step.wait_for_event(
        "approval", Approved, match="data.questionId", timeout="5s"
    )
    return "timeout" if found is None else found.data.by


async def test_wait_ends_with_the_matching_event(start: Start) -> None:
    engine = await start([approval])
    sent = await engine.send(Asked(question_id="q1"))
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Approved(question_id="other", by="eve"))
    assert not (await engine.run(sent.run_ids[0])).has_ended
    await engine.send(Approved(question_id="q1", by="bob"))
    assert await engine.result(sent.run_ids[0], 5) == "bob"


async def test_wait_gives_none_after_its_timeout(start: Start) -> None:
    @job("short", on=Asked)
    async def short(ctx: JobContext[Asked]) -> bool:
        return await ctx.step.wait_for_event("w", Approved, timeout=0.1) is None

    engine = await start([short])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) is True


async def test_event_sent_just_before_the_wait_is_found_and_given_once(start: Start) -> None:
    go = asyncio.Event()

    @job("late", on=Asked)
    async def late(ctx: JobContext[Asked]) -> list[str]:
        async def busy() -> None:
            await go.wait()

        await ctx.step.run("busy", busy)
        first = await ctx.step.wait_for_event("w", Approved, match="data.questionId", timeout=5)
        second = await ctx.step.wait_for_event("w", Approved, match="data.questionId", timeout=0.1)
        return ["none" if found is None else found.data.by for found in (first, second)]

    engine = await start([late])
    sent = await engine.send(Asked(question_id="q1"))
    await engine.send(Approved(question_id="q2", by="eve"))
    await engine.send(Approved(question_id="q1", by="early"))
    go.set()
    assert await engine.result(sent.run_ids[0], 5) == ["early", "none"]


async def test_condition_of_a_wait_sees_both_events(start: Start) -> None:
    @job("pick", on=Asked)
    async def pick(ctx: JobContext[Asked]) -> str:
        found = await ctx.step.wait_for_event(
            "w", "test/approved", when="async.data.by == event.data.text", timeout=5
        )
        return "none" if found is None else found.data["by"]

    engine = await start([pick])
    sent = await engine.send(Asked(text="bob"))
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Approved(question_id="q", by="eve"))
    await engine.send(Approved(question_id="q", by="bob"))
    assert await engine.result(sent.run_ids[0], 5) == "bob"


async def test_signal_wakes_its_one_waiter_and_a_second_waiter_is_refused(start: Start) -> None:
    @job("signalled", on=Asked)
    async def signalled(ctx: JobContext[Asked]) -> Any:
        return await ctx.step.wait_for_signal("w", "task/1", timeout="5s")

    engine = await start([signalled])
    assert not await engine.send_signal("task/1", {"ok": True})
    first = await engine.send(Asked())
    await until_waiting(engine, first.run_ids[0])
    second = await engine.send(Asked())
    refused = await engine.wait(second.run_ids[0], 5)
    assert refused.status == "failed"
    assert "already waits for signal 'task/1'" in str(refused.error)
    assert await engine.send_signal("task/1", {"ok": True})
    assert await engine.result(first.run_ids[0], 5) == {"ok": True}


@job("square", on="math/square")
async def square(ctx: JobContext[dict[str, int]]) -> int:
    if ctx.event.data["n"] < 0:
        raise NonRetriable("negative")
    return ctx.event.data["n"] ** 2


async def test_invoke_gives_the_childs_result_or_its_failure(start: Start) -> None:
    @job("parent", on=Asked)
    async def parent(ctx: JobContext[Asked]) -> str:
        good = await ctx.step.invoke("good", square, {"n": 5})
        try:
            await ctx.step.invoke("bad", square, {"n": -1})
        except StepFailed as failed:
            return f"{good + 0} {failed.message}"
        return "no failure"

    engine = await start([parent, square])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == "25 negative"


async def test_cancelling_a_parent_cancels_the_child(start: Start) -> None:
    @job("child", on="child")
    async def child(ctx: JobContext[dict[str, int]]) -> None:
        await ctx.step.sleep("long", "1h")

    @job("parent", on=Asked)
    async def parent(ctx: JobContext[Asked]) -> None:
        await ctx.step.invoke("child", child, {})

    engine = await start([parent, child])
    sent = await engine.send(Asked())
    await until(lambda: len(engine.live_runs()) == 2)
    await engine.cancel(sent.run_ids[0])
    assert engine.live_runs() == []
    assert (await engine.run(f"{sent.run_ids[0]}:child")).status == "cancelled"


async def test_events_of_a_step_are_sent_once_however_often_the_body_runs(start: Start) -> None:
    notes = Notes()

    @job("note", on=Withdrawn)
    async def note(ctx: JobContext[Withdrawn]) -> None:
        notes.write(ctx.event.data.question_id)

    @job("sender", on=Asked, retries=1)
    async def sender(ctx: JobContext[Asked]) -> list[str]:
        events: list[EventData | Event] = [Withdrawn(question_id="a"), Withdrawn(question_id="b")]
        sent = await ctx.step.send_event("tell", events)
        if ctx.attempt == 0:
            raise ConnectionError
        return [run_id for one in sent for run_id in one.run_ids]

    engine = await start([note, sender])
    sent = await engine.send(Asked())
    for run_id in await engine.result(sent.run_ids[0], 8):
        await engine.wait(run_id, 5)
    assert sorted(notes.lines) == ["a", "b"]


async def test_parallel_branches_may_use_the_same_step_ids(start: Start) -> None:
    @job("branches", on=Asked)
    async def branches(ctx: JobContext[Asked]) -> list[str]:
        async def work(name: str) -> str:
            return name

        async def branch(name: str) -> str:
            first = await ctx.step.run("one", work, name + "1")
            return first + await ctx.step.run("two", work, name + "2")

        return await ctx.step.parallel(*(lambda name=name: branch(name) for name in "abc"))

    engine = await start([branches])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == ["a1a2", "b1b2", "c1c2"]


async def test_steps_after_a_race_keep_their_ids_in_a_replay(start: Start) -> None:
    notes = Notes()

    @job("after-race", on=Asked, retries=1)
    async def after_race(ctx: JobContext[Asked]) -> str:
        async def work(name: str) -> str:
            notes.write(name)
            return name

        won = await ctx.step.race("who", lambda: ctx.step.run("work", work, "winner"))
        after = await ctx.step.run("after", work, "after")
        if ctx.attempt == 0:
            raise ConnectionError
        return won + " " + after

    engine = await start([after_race])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 8) == "winner after"
    assert notes.lines == ["winner", "after"]


async def test_race_remembers_who_won(start: Start) -> None:
    notes = Notes()

    @job("race", on=Asked, retries=1)
    async def race(ctx: JobContext[Asked]) -> str:
        async def slow() -> str:
            if ctx.attempt == 0:
                await ctx.step.sleep("slow", "1h")
            return "slow"

        async def quick() -> str:
            async def work() -> str:
                notes.write("quick")
                return "quick"

            return await ctx.step.run("work", work)

        won = await ctx.step.race("who", slow, quick)
        if ctx.attempt == 0:
            raise ConnectionError
        return won

    engine = await start([race])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 8) == "quick"
    assert notes.lines == ["quick"]


class Side:
    """Transactions of other processes on the database of a run that is being executed here."""

    def __init__(self, database: PostgresDatabase, run_id: str) -> None:
        self.pool = private.with_schema(database.connect())
        self.run_id = run_id
        self.now_ms = int(now().timestamp() * 1000)
        self.event = WireEvent(Approved.event_name, {"by": "me"}, "e1", self.now_ms)

    def open(self, connection: sa.Connection) -> dict[str, Any] | None:
        cause = WireEvent("test/asked", {}, "cause", 0)
        name = Approved.event_name
        wait = NewWait(self.run_id, "w", cause, event_name=name, look_back_ms=60_000)
        opened = open_wait(connection, wait, self.now_ms)
        assert opened is not None
        return opened[1]

    def send(self, connection: sa.Connection) -> None:
        store_event(connection, self.event, event_body(self.event), self.now_ms)
        answer_waits(connection, self.event, self.now_ms, lambda _: None)

    def then(
        self, first: Callable[[sa.Connection], Any], second: Callable[[sa.Connection], Any]
    ) -> None:
        """Commit `first` only after `second`, in another transaction, has come as far as it can."""

        def other() -> None:
            with self.pool.begin() as connection:
                second(connection)

        with ThreadPoolExecutor(1) as thread, self.pool.begin() as connection:
            first(connection)
            began = thread.submit(other)
            time.sleep(0.2)
            connection.commit()
            began.result(5)

    def answer(self) -> dict[str, Any] | None:
        with self.pool.begin() as connection:
            return read_wait(connection, (self.run_id, "w"))[1]


@pytest.mark.parametrize("waits_first", [True, False])
async def test_wait_and_event_that_are_stored_at_the_same_moment_find_each_other(
    postgres: PostgresDatabase, *, waits_first: bool
) -> None:
    entered = asyncio.Event()

    @job("busy", on=Asked)
    async def busy(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            entered.set()
            await asyncio.Event().wait()

        await ctx.step.run("work", work)

    async with Engine(jobs=[busy], database=postgres, grace_s=0.1) as engine:
        sent = await engine.send(Asked())
        await entered.wait()
        side = Side(postgres, sent.run_ids[0])
        order = (side.open, side.send) if waits_first else (side.send, side.open)
        await asyncio.to_thread(side.then, *order)
        answer = side.answer()
        assert answer is not None
        assert answer["id"] == "e1"
        side.pool.dispose()
