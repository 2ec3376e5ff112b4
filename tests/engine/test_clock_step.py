"""The machine's clock is set, forward and back, while runs sleep, wait, back off, stand in line."""

import asyncio
import time
from collections.abc import Generator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core.clock import SystemClock
from engine import (
    Concurrency,
    Cron,
    Engine,
    Event,
    JobContext,
    PostgresDatabase,
    RateLimit,
    RetryPolicy,
    SqliteDatabase,
    Throttle,
    job,
)
from tests.engine.conftest import Start
from tests.engine.fleet_worker import LEASE_S
from tests.engine.test_fleet import Workers
from tests.engine.things import Asked, Notes, Withdrawn, until, until_asleep

HOUR = 3600.0
SOON_S = 4.0  # a step is noticed within a second; the rest is for a busy machine


class SetClock:
    """The machine's clock, as somebody sets it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return SystemClock().now() + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """For the engine, and for DBOS, which reads it by itself."""
    clock, unset = SetClock(), time.time  # noqa: TID251 - what DBOS reads
    monkeypatch.setattr(time, "time", lambda: unset() + clock.ahead_s)
    return clock


@job("hour", on="test/hour")
async def hour(ctx: JobContext[dict[str, str]]) -> str | None:
    """Rest for an hour, in one of the ways there are."""
    how = ctx.event.data["how"]
    if how == "sleep":
        await ctx.step.sleep("nap", HOUR)
    elif how == "until":
        await ctx.step.sleep_until("nap", ctx.event.ts + timedelta(seconds=HOUR))
    elif how == "event":
        await ctx.step.wait_for_event("answer", "test/never", timeout=HOUR)
    elif how == "signal":
        await ctx.step.wait_for_signal("answer", "never", timeout=HOUR)
    return how


@job("moment", on="test/moment")
async def moment(ctx: JobContext[dict[str, str]]) -> str | None:
    """Rest for a moment, in the same ways."""
    how = ctx.event.data["how"]
    if how == "sleep":
        await ctx.step.sleep("nap", 1)
    elif how == "event":
        await ctx.step.wait_for_event("answer", "test/never", timeout=1)
    elif how == "signal":
        await ctx.step.wait_for_signal("answer", "never", timeout=1)
    return how


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """One kind: the clock is the process's, and the database has no part in it."""
    return sqlite


async def test_a_step_forward_ends_rests_that_are_over_by_the_new_time(
    start: Start, clock: SetClock
) -> None:
    engine = await start([hour], clock=clock)
    sent = [
        await engine.send(Event("test/hour", {"how": how}))
        for how in ("sleep", "until", "event", "signal")
    ]
    delayed = Event("test/hour", {"how": "later"}, ts=clock.now() + timedelta(seconds=HOUR))
    sent.append(await engine.send(delayed))
    await until_asleep(engine, 4)
    clock.ahead_s = HOUR
    results = [await engine.result(each.run_ids[0], SOON_S) for each in sent]
    assert results == ["sleep", "until", "event", "signal", "later"]


async def test_a_step_back_makes_no_rest_longer_than_was_asked(
    start: Start, clock: SetClock
) -> None:
    engine = await start([moment], clock=clock)
    sent = [
        await engine.send(Event("test/moment", {"how": how}))
        for how in ("sleep", "event", "signal")
    ]
    await until_asleep(engine, 3)
    clock.ahead_s = -HOUR
    results = [await engine.result(each.run_ids[0], SOON_S) for each in sent]
    assert results == ["sleep", "event", "signal"]


async def test_a_step_back_between_two_processes_makes_no_rest_longer(
    database: SqliteDatabase, clock: SetClock
) -> None:
    async with Engine(jobs=[moment], database=database, clock=clock) as first:
        sent = [await first.send(Event("test/moment", {"how": how})) for how in ("sleep", "event")]
        await until_asleep(first, 2)
    clock.ahead_s = -HOUR
    async with Engine(jobs=[moment], database=database, clock=clock) as second:
        for each in sent:
            await second.result(each.run_ids[0], SOON_S)


@pytest.mark.parametrize(("backoff_s", "ahead_s"), [(HOUR, HOUR), (1.0, -HOUR)])
async def test_a_step_that_backs_off_is_tried_again(
    start: Start, clock: SetClock, backoff_s: float, ahead_s: float
) -> None:
    policy = RetryPolicy(
        max_attempts=2, min_timeout=backoff_s, max_timeout=backoff_s, randomize=False
    )

    @job("flaky", on=Asked, retries=policy)
    async def flaky(ctx: JobContext[Asked]) -> int:
        async def attempt() -> int:
            if ctx.attempt == 0:
                raise ConnectionError("reset")
            return ctx.attempt

        return await ctx.step.run("try", attempt)

    engine = await start([flaky], clock=clock)
    sent = await engine.send(Asked())
    await until_asleep(engine, 1)
    clock.ahead_s = ahead_s
    assert await engine.result(sent.run_ids[0], SOON_S) == 1


async def test_a_sleep_until_a_time_keeps_to_the_clock(start: Start, clock: SetClock) -> None:
    engine = await start([hour], clock=clock)
    sent = await engine.send(Event("test/hour", {"how": "until"}))
    await until_asleep(engine, 1)
    clock.ahead_s = -HOUR
    with pytest.raises(TimeoutError):
        await engine.result(sent.run_ids[0], 1.5)
    clock.ahead_s = HOUR
    await engine.result(sent.run_ids[0], SOON_S)


@job("throttled", on=Asked, throttle=Throttle(limit=1, period="1s"))
async def throttled(ctx: JobContext[Asked]) -> None:
    ctx.need(Notes).write(ctx.event.data.question_id)


async def test_a_throttle_forgets_the_time_that_was_taken_back(
    start: Start, clock: SetClock
) -> None:
    notes = Notes()
    engine = await start([throttled], provide=[notes], clock=clock)
    await engine.send(Asked(question_id="before"))
    clock.ahead_s = -HOUR
    for n in range(2):
        await engine.send(Asked(question_id=f"after {n}"))
    await until(lambda: len(notes.lines) == 3, SOON_S + 3)


@job("limited", on=Asked, rate_limit=RateLimit(limit=1, period="1s"))
async def limited(ctx: JobContext[Asked]) -> None:
    ctx.need(Notes).write(ctx.event.data.question_id)


async def test_a_rate_limit_lasts_no_longer_than_its_period(start: Start, clock: SetClock) -> None:
    engine = await start([limited], provide=[Notes()], clock=clock)
    assert (await engine.send(Asked())).run_ids
    clock.ahead_s = -HOUR
    assert not (await engine.send(Asked())).run_ids
    async with asyncio.timeout(SOON_S):
        while not (await engine.send(Asked())).run_ids:  # noqa: ASYNC110 - only a send tells
            await asyncio.sleep(0.1)


@job("every-second", on=Cron("* * * * * *"))
async def every_second(ctx: JobContext[dict[str, str]]) -> None:
    ctx.need(Notes).write(ctx.event.ts.isoformat())


async def test_a_step_back_repeats_no_tick_and_silences_none(start: Start, clock: SetClock) -> None:
    notes = Notes()
    engine = await start([every_second], provide=[notes], clock=clock)
    await until(lambda: len(notes.lines) >= 3, 10)
    clock.ahead_s = -2.0
    await until(lambda: len(notes.lines) >= 5, 10)
    clock.ahead_s = -HOUR
    before = len(notes.lines)
    await until(lambda: len(notes.lines) >= before + 2, SOON_S)
    assert len(set(notes.lines)) == len(notes.lines)
    del engine


async def test_a_step_forward_makes_up_for_one_tick_at_most(start: Start, clock: SetClock) -> None:
    notes = Notes()
    await start([every_second], provide=[notes], clock=clock)
    await until(lambda: len(notes.lines) >= 1, 5)
    clock.ahead_s = HOUR
    stepped_at = clock.now().isoformat()
    await until(lambda: any(line > stepped_at for line in notes.lines), SOON_S)
    assert len(notes.lines) < 10


@job("in-line", on=Asked, concurrency=[Concurrency(limit=1)])
async def in_line(ctx: JobContext[Asked]) -> None:
    async def effect() -> None:
        ctx.need(Notes).write(ctx.event.data.question_id)
        if ctx.event.data.question_id == "0":
            await ctx.need(asyncio.Event).wait()

    await ctx.step.run("effect", effect)


async def test_who_comes_after_a_step_back_stands_behind_those_before_it(
    start: Start, clock: SetClock
) -> None:
    notes, go = Notes(), asyncio.Event()
    engine = await start([in_line], provide=[notes, go], clock=clock)
    for n in range(4):
        if n == 2:
            clock.ahead_s = -HOUR
        await engine.send(Asked(question_id=str(n)))
    await until(lambda: notes.lines == ["0"])
    go.set()
    await until(lambda: len(notes.lines) == 4)
    assert notes.lines == ["0", "1", "2", "3"]


@job("nap-then-wait", on=Asked)
async def nap_then_wait(ctx: JobContext[Asked]) -> str:
    found = await ctx.step.wait_for_event("answer", Withdrawn, match="data.questionId", timeout=60)
    return "timeout" if found is None else "answered"


async def test_an_event_after_a_step_back_still_answers_a_wait(
    start: Start, clock: SetClock
) -> None:
    engine = await start([nap_then_wait], clock=clock)
    sent = await engine.send(Asked(question_id="q"))
    await until_asleep(engine, 1)
    clock.ahead_s = -HOUR
    await asyncio.sleep(1.2)  # the step has been noticed, and the wait goes on
    await engine.send(Withdrawn(question_id="q"))
    assert await engine.result(sent.run_ids[0], SOON_S) == "answered"


class DatabaseClock:
    """The clock of a database, as somebody sets it: a function that hides PostgreSQL's own."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._address = database.libpq
        self._execute(
            "CREATE SCHEMA clock",
            "CREATE TABLE clock.set (ahead interval)",
            "INSERT INTO clock.set VALUES ('0')",
            """CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
               'SELECT pg_catalog.clock_timestamp() + ahead FROM clock.set'""",
            """DO $$ BEGIN EXECUTE format(
               'ALTER DATABASE %I SET search_path = clock, pg_catalog, public',
               current_database()); END $$""",
        )

    def set_ahead(self, seconds: float) -> None:
        self._execute(f"UPDATE clock.set SET ahead = '{seconds} seconds'")  # noqa: S608 - a number

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self._address) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture
def workers(postgres: PostgresDatabase, tmp_path: Path) -> Generator[Workers]:
    with ExitStack() as stack:
        yield Workers(postgres, tmp_path, stack)


@pytest.mark.timeout(60)
async def test_the_database_clock_forward_kills_no_worker_and_back_hides_no_death(
    postgres: PostgresDatabase, workers: Workers
) -> None:
    clock = DatabaseClock(postgres)
    async with workers.sender() as engine:
        one = workers.start("one")
        sent = [await engine.send(Asked(question_id="q1", text=str(workers.go)))]
        await until(lambda: workers.has("one second begins"))
        workers.start("two")
        clock.set_ahead(HOUR)
        await asyncio.sleep(2 * LEASE_S)  # in which everybody has beaten and swept
        assert not [line for line in workers.journal.lines() if "two" in line]
        clock.set_ahead(0)
        one.kill()
        await until(lambda: workers.has("two second begins"), LEASE_S + 5)
        workers.go.touch()
        assert await engine.result(sent[0].run_ids[0], 10) == "two"
