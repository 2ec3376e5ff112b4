"""Taking runs from their queues: room, restarts, and what finds what no notice has told."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import SystemClock
from engine import Database, Engine, Event, JobContext, PostgresDatabase, job
from engine.dbos import dbos_rows, recorded
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, beside, live_runs, until, until_asleep

SLEEPERS = 20


@job("sleepy", on=Asked)
async def sleepy(ctx: JobContext[Asked]) -> None:
    async def once() -> str:
        ctx.need(Notes).write(f"{ctx.event.data.text} once")
        return "x" * int(ctx.event.data.question_id)

    assert await ctx.step.run("once", once) == "x" * int(ctx.event.data.question_id)
    await ctx.step.sleep("night", "1d")


@job("patient", on=Asked)
async def patient(ctx: JobContext[Asked]) -> None:
    await ctx.step.wait_for_event("answer", "test/answered")


def asked(count: int, *, result_length: int = 1) -> list[Asked]:
    return [Asked(question_id=str(result_length), text=str(number)) for number in range(count)]


async def test_run_that_goes_to_sleep_makes_room_at_once(start: Start) -> None:
    engine = await start([sleepy], provide=[Notes()], max_running=1)
    await engine.send_many(asked(SLEEPERS))
    # One a second is what the poll alone would give.
    await until(lambda: len(engine.live_runs()) == SLEEPERS, SLEEPERS / 2)


async def test_long_queue_does_not_keep_another_from_being_served(start: Start) -> None:
    notes = Notes()

    @job("a-long", on=Asked)
    async def long(ctx: JobContext[Asked]) -> None:
        ctx.need(Notes).write("long")

    @job("short", on="test/short")
    async def short(ctx: JobContext[dict[str, Any]]) -> None:
        ctx.need(Notes).write("short")

    engine = await start([long, short], provide=[notes], max_running=1)
    await engine.send_many([*asked(20), *(Event("test/short", {}) for _ in range(3))])
    await until(lambda: len(notes.lines) == 23, 10)
    assert notes.lines[:8].count("short") == 3


@pytest.mark.parametrize("result_length", [1, 3 * recorded.KEPT_LENGTH])
async def test_sleepers_sleep_again_after_a_restart_and_repeat_nothing(
    database: Database, result_length: int
) -> None:
    notes = Notes()
    async with Engine(jobs=[sleepy], database=database, provide=[notes], grace_s=0.2) as one:
        await one.send_many(asked(SLEEPERS, result_length=result_length))
        await until_asleep(one, SLEEPERS)
    async with Engine(jobs=[sleepy], database=database, provide=[notes], grace_s=0.2) as two:
        await until_asleep(two, SLEEPERS)
    assert len(notes.lines) == SLEEPERS


async def test_runs_cancelled_while_they_start_again_do_not_go_to_sleep(
    database: Database,
) -> None:
    async with Engine(jobs=[sleepy], database=database, provide=[Notes()], grace_s=0.2) as one:
        sent = await one.send_many(asked(SLEEPERS))
        await until_asleep(one, SLEEPERS)
    async with Engine(jobs=[sleepy], database=database, provide=[Notes()], grace_s=0.2) as two:
        run_ids = [each.run_ids[0] for each in sent]
        async with asyncio.TaskGroup() as cancels:
            for run_id in run_ids:
                cancels.create_task(two.cancel(run_id))
        await until_asleep(two, 0)
        assert {(await two.run(run_id)).status for run_id in run_ids} == {"cancelled"}


async def test_delayed_run_starts_in_time_while_others_keep_the_dispatcher_busy(
    start: Start,
) -> None:
    notes = Notes()

    @job("quick", on=Asked)
    async def quick(ctx: JobContext[Asked]) -> None:
        notes.write(ctx.event.data.text)

    engine = await start([quick])
    clock = SystemClock()
    at = clock.now() + timedelta(seconds=1.5)
    await engine.send(Event("test/asked", {"text": "late"}, ts=at))
    while clock.now() < at:
        await engine.send(Asked(text="now"))
    await until(lambda: "late" in notes.lines)


@pytest.mark.timeout(60)
async def test_cancel_that_nobody_told_of_stops_runs_that_execute_and_that_wait(
    postgres: PostgresDatabase,
) -> None:
    interrupted = asyncio.Event()

    @job("endless", on=Asked)
    async def endless(ctx: JobContext[Asked]) -> None:
        async def step() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                interrupted.set()

        await ctx.step.run("endless", step)

    async with Engine(
        jobs=[endless, patient], database=postgres, lease_s=1.2, grace_s=0.2
    ) as engine:
        sent = await engine.send(Asked())
        live = live_runs(engine)
        await until(lambda: len(live.all()) == 2 and live.executing() == 1)
        with beside(postgres) as connection:
            dbos_rows.cancel(connection, sent.run_ids)
        async with asyncio.timeout(10):
            await interrupted.wait()
        await until(lambda: engine.live_runs() == [], 10)
