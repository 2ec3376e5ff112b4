"""Flow control of starts, time limits, and cron."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine import (
    BadJob,
    Cron,
    Event,
    JobContext,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    job,
)
from engine.cron import compile_cron
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes
from tests.support.waiting import until


async def forever() -> None:
    await asyncio.Event().wait()


async def test_throttle_spaces_the_starts_and_loses_none(start: Start) -> None:
    times: list[float] = []

    @job("spaced", on=Asked, throttle=Throttle(limit=1, period=1, key="event.data.questionId"))
    async def spaced(_: JobContext[Asked]) -> None:
        times.append(asyncio.get_running_loop().time())

    engine = await start([spaced])
    began = asyncio.get_running_loop().time()
    sent = await engine.send_many([Asked() for _ in range(4)])
    for one in sent:
        assert (await engine.wait(one.run_ids[0], 8)).status == "completed"
    assert times[-1] - began >= 3 - 0.01


async def test_rate_limit_drops_what_is_too_much_for_each_key(start: Start) -> None:
    @job("rated", on=Asked, rate_limit=RateLimit(limit=2, period="1m", key="event.data.questionId"))
    async def rated(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([rated])
    sent = await engine.send_many([Asked(question_id=key) for key in "aaabbb"])
    assert [len(one.run_ids) for one in sent] == [1, 1, 0, 1, 1, 0]


async def test_idempotency_key_starts_one_run(start: Start) -> None:
    @job("once", on=Asked, idempotency="event.data.questionId")
    async def once(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([once])
    sent = [await engine.send(Asked(question_id=key)) for key in ("a", "a", "b")]
    assert [len(one.run_ids) for one in sent] == [1, 0, 1]


async def test_higher_priority_starts_first(start: Start) -> None:
    notes = Notes()
    go = asyncio.Event()

    @job("urgent", on=Asked, priority="event.data.text == 'vip' ? 120 : 0")
    async def urgent(ctx: JobContext[Asked]) -> None:
        notes.write(ctx.event.data.text)
        await ctx.step.run("wait", go.wait)

    engine = await start([urgent], max_running=1)
    first = await engine.send(Asked(text="first"))
    await until(lambda: notes.lines == ["first"])
    rest = [await engine.send(Asked(text=text)) for text in ("plain", "vip")]
    go.set()
    for one in [first, *rest]:
        assert (await engine.wait(one.run_ids[0], 5)).status == "completed"
    assert notes.lines == ["first", "vip", "plain"]


async def test_singleton_skips_while_one_runs(start: Start) -> None:
    go = asyncio.Event()

    @job("only", on=Asked, singleton=Singleton("skip", key="event.data.questionId"))
    async def only(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("wait", go.wait)

    engine = await start([only])
    first = await engine.send(Asked(question_id="a"))
    assert (await engine.send(Asked(question_id="a"))).run_ids == ()
    other = await engine.send(Asked(question_id="b"))
    go.set()
    for one in (first, other):
        await engine.wait(one.run_ids[0], 5)
    assert len((await engine.send(Asked(question_id="a"))).run_ids) == 1


async def test_singleton_cancels_the_old_run_for_the_new_one(start: Start) -> None:
    @job("latest", on=Asked, singleton=Singleton("cancel"))
    async def latest(ctx: JobContext[Asked]) -> str:
        if ctx.event.data.text == "old":
            await ctx.step.run("wait", forever)
        return ctx.event.data.text

    engine = await start([latest])
    old = await engine.send(Asked(text="old"))
    await until(lambda: bool(engine.live_runs()))
    new = await engine.send(Asked(text="new"))
    assert (await engine.wait(old.run_ids[0], 5)).status == "cancelled"
    assert await engine.result(new.run_ids[0], 5) == "new"


async def test_run_that_takes_too_long_is_cancelled(start: Start) -> None:
    @job("slow", on=Asked, timeouts=Timeouts(finish="200ms"))
    async def slow(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("wait", forever)

    engine = await start([slow])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "cancelled"


async def test_run_that_does_not_start_in_time_is_cancelled(start: Start) -> None:
    @job("busy", on="busy")
    async def busy(ctx: JobContext[dict[str, Any]]) -> None:
        await ctx.step.run("wait", forever)

    @job("queued", on=Asked, timeouts=Timeouts(start="200ms"))
    async def queued(_: JobContext[Asked]) -> None:
        raise AssertionError("there is no room for it")

    engine = await start([busy, queued], max_running=1)
    first = await engine.send(Event("busy"))
    await until(lambda: bool(engine.live_runs()))
    second = await engine.send(Asked())
    assert (await engine.wait(second.run_ids[0], 5)).status == "cancelled"
    assert (await engine.run(first.run_ids[0])).status == "running"


async def test_cron_starts_one_run_for_each_tick(start: Start) -> None:
    ticks: list[datetime] = []

    @job("tick", on=[Cron("* * * * * *"), Asked])
    async def tick(ctx: JobContext[dict[str, str]]) -> None:
        ticks.append(ctx.event.ts)

    await start([tick])
    await until(lambda: len(ticks) >= 2, 6)
    assert ticks[1] - ticks[0] >= timedelta(seconds=1)
    assert all(at.microsecond == 0 for at in ticks)


def test_cron_knows_time_zones_and_their_summer() -> None:
    rule = compile_cron("j", Cron("TZ=Europe/Paris 0 9 * * *"))
    winter = rule.next_after(datetime(2026, 1, 10, tzinfo=UTC))
    summer = rule.next_after(datetime(2026, 7, 10, tzinfo=UTC))
    assert (winter.astimezone(UTC).hour, summer.astimezone(UTC).hour) == (8, 7)
    assert winter.astimezone(ZoneInfo("Europe/Paris")).hour == 9


@pytest.mark.parametrize("schedule", ["61 * * * *", "TZ=Nowhere/City 0 9 * * *", "hello"])
def test_schedule_that_makes_no_sense_is_refused(schedule: str) -> None:
    with pytest.raises(BadJob, match="bad-cron"):
        job("bad-cron", on=Cron(schedule))
