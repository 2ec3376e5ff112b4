"""Realtime messages of runs: once for each attempt, and none of a run that is no longer ours."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from engine import (
    Database,
    Engine,
    FailureContext,
    JobContext,
    NonRetriable,
    PostgresDatabase,
    RunFailed,
    job,
)
from engine.dbos import dbos_rows
from tests.engine.conftest import Start
from tests.engine.listening import SEVEN, rest_of, take
from tests.engine.realtime_worker import lines, progress
from tests.engine.things import QUICK, Asked, Notes, in_database
from tests.support.dbos.rows import give_to
from tests.support.waiting import until


async def test_a_run_that_says_what_does_not_fit_fails_at_once(start: Start) -> None:
    notes = Notes()

    @job("wrong", on=Asked, retries=QUICK)
    async def wrong(ctx: JobContext[Asked]) -> None:
        notes.write(f"attempt {ctx.attempt}")
        percent: Any = {"percent": ctx.event.data.text}
        await ctx.publish(SEVEN, progress, percent)

    engine = await start([wrong])
    sent = await engine.send(Asked(text="all"))
    with pytest.raises(RunFailed, match="'build:7', topic 'progress': percent: Input should be"):
        await engine.result(sent.run_ids[0], 5)
    assert notes.lines == ["attempt 0"]


@dataclass
class Gate:
    """A step waits here; `again` is set once the body runs for the second time."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


@job("told", on=Asked, retries=QUICK)
async def told(ctx: JobContext[Asked]) -> None:
    async def work() -> None:
        await ctx.publish(SEVEN, lines, "in the step")

    async def hold() -> None:
        await ctx.publish(SEVEN, lines, "holding")
        ctx.need(Gate).reached.set()
        await ctx.need(Gate).go.wait()

    await ctx.publish(SEVEN, lines, "before")
    await ctx.step.run("work", work)
    await ctx.publish(SEVEN, lines, "between")
    await ctx.step.run("hold", hold)
    await ctx.publish(SEVEN, lines, "after")


async def test_a_replay_is_silent_and_what_is_sent_again_has_the_same_id(
    database: Database,
) -> None:
    gate = Gate()
    async with (
        Engine(jobs=[told], database=database, provide=[gate], grace_s=0) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        sent = await engine.send(Asked())
        async with asyncio.timeout(5):
            first = {each.data: each.id for each in [await anext(messages) for _ in range(4)]}
    assert list(first) == ["before", "in the step", "between", "holding"]
    second: dict[str, str] = {}
    async with (
        Engine(jobs=[told], database=database, provide=[gate]) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        gate.go.set()
        async with asyncio.timeout(10):
            async for message in messages:
                second[message.data] = message.id
                if message.data == "after":
                    break
        assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    # No step was recorded after "between", so nobody knows that it was said.
    assert {"after"} <= set(second) <= {"between", "holding", "after"}
    assert all(first[data] == second[data] for data in second.keys() & first.keys())


async def test_each_attempt_of_a_step_speaks_under_ids_of_its_own(start: Start) -> None:
    @job("again", on=Asked, retries=QUICK)
    async def again(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            await ctx.publish(SEVEN, lines, f"attempt {ctx.attempt}")
            if ctx.attempt == 0:
                raise ConnectionError

        async def branch() -> None:
            await ctx.publish(SEVEN, lines, "branch")

        await ctx.step.run("work", work)
        await ctx.step.parallel(branch, branch)

    engine = await start([again])
    async with engine.subscribe(SEVEN) as messages:
        await engine.send(Asked())
        async with asyncio.timeout(5):
            got = [await anext(messages) for _ in range(4)]
    assert [message.data for message in got] == ["attempt 0", "attempt 1", "branch", "branch"]
    assert len({message.id for message in got}) == 4


async def test_a_failure_handler_speaks_too(start: Start) -> None:
    async def sorry(ctx: FailureContext[Asked]) -> None:
        await ctx.publish(f"run:{ctx.run_id}", "failed", ctx.error.message)

    @job("doomed", on=Asked, on_failure=sorry)
    async def doomed(ctx: JobContext[Asked]) -> None:
        await ctx.publish(f"run:{ctx.run_id}", "hope", 1)
        raise NonRetriable("no use")

    engine = await start([doomed])
    async with engine.subscribe("run:doomed:1") as messages:
        sent = await engine.send(Asked(), event_id="1")
        assert sent.run_ids == ("doomed:1",)
        assert await take(messages, 2) == [1, "no use"]


async def test_nothing_is_said_after_a_cancel(start: Start) -> None:
    said: list[str] = []
    entered = asyncio.Event()

    @job("stubborn", on=Asked)
    async def stubborn(ctx: JobContext[Asked]) -> None:
        async def swallow() -> None:
            await ctx.publish(SEVEN, lines, "before")
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                said.append("swallowed")
            await ctx.publish(SEVEN, lines, "after")
            said.append("went on")

        await ctx.step.run("swallow", swallow)

    engine = await start([stubborn])
    async with engine.subscribe(SEVEN) as messages:
        sent = await engine.send(Asked())
        await entered.wait()
        await engine.cancel(sent.run_ids[0])
        assert await rest_of(engine, messages) == ["before"]
    assert said == ["swallowed"]


def _cancel(connection: sa.Connection, run_id: str) -> None:
    dbos_rows.cancel(connection, [run_id])


def _give_away(connection: sa.Connection, run_id: str) -> None:
    give_to(connection, run_id, "two")


async def test_a_run_is_silent_before_its_process_hears_that_it_was_cancelled(
    postgres: PostgresDatabase,
) -> None:
    await lost_run_is_silent(postgres, _cancel)


async def test_a_process_that_was_taken_for_dead_is_silent(postgres: PostgresDatabase) -> None:
    await lost_run_is_silent(postgres, _give_away)


async def lost_run_is_silent(
    database: PostgresDatabase, lose: Callable[[sa.Connection, str], None]
) -> None:
    gate, notes = Gate(), Notes()

    @job("unaware", on=Asked)
    async def unaware(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            gate.reached.set()
            await gate.go.wait()
            try:
                await ctx.publish(SEVEN, lines, "after")
            finally:
                notes.write("tried")

        await ctx.step.run("work", work)

    async with (
        Engine(jobs=[unaware], database=database) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        sent = await engine.send(Asked())
        await gate.reached.wait()
        in_database(database, lose, sent.run_ids[0])
        gate.go.set()
        await until(lambda: notes.lines == ["tried"])
        assert await rest_of(engine, messages) == []
