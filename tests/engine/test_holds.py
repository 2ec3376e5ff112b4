"""Why a run does not execute, and what people see of steps that are not over."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from engine import (
    Concurrency,
    Debounce,
    Engine,
    Event,
    JobContext,
    RetryPolicy,
    Throttle,
    job,
)
from engine.inspection import RunDetail
from engine.inspection.holds import Hold
from tests.engine.conftest import Start
from tests.engine.test_time_line import until
from tests.engine.things import Asked


async def held(engine: Engine, run_id: str, reason: str) -> Hold:
    """What holds the run, once it is this."""

    def is_held(run: RunDetail) -> bool:
        return run.hold is not None and run.hold.reason == reason

    hold = (await until(engine, run_id, is_held)).hold
    assert hold is not None
    return hold


@job("naps", on=Asked)
async def naps(ctx: JobContext[Asked]) -> None:
    await ctx.step.sleep("long", "1h")


async def test_a_run_waits_for_the_time_of_its_event(start: Start) -> None:
    engine = await start([naps])
    at = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - events have the real time
    sent = await engine.send(Event("test/asked", {"text": "x"}, ts=at))
    hold = await held(engine, sent.run_ids[0], "delay")
    assert hold.until is not None
    assert abs(hold.until - at) < timedelta(seconds=5)


async def test_a_run_waits_for_more_events(start: Start) -> None:
    @job("gathers", on=Asked, debounce=Debounce("1h"))
    async def gathers(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([gathers])
    sent = await engine.send(Asked())
    assert (await held(engine, sent.run_ids[0], "gathering")).until is not None


async def test_a_run_waits_for_its_turn(start: Start) -> None:
    @job("slow-lane", on=Asked, throttle=Throttle(1, "1h"))
    async def slow_lane(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([slow_lane])
    first, second = [await engine.send(Asked()) for _ in range(2)]
    await engine.wait(first.run_ids[0], 10)
    await held(engine, second.run_ids[0], "throttle")
    assert (await engine.inspect.run(first.run_ids[0])).hold is None


async def test_a_run_waits_for_a_place_under_its_key(start: Start) -> None:
    @job("one-each", on=Asked, concurrency=Concurrency(1, key="event.data.questionId"))
    async def one_each(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("long", asyncio.sleep, 60)

    engine = await start([one_each])
    first = (await engine.send(Asked())).run_ids[0]
    await until(engine, first, lambda run: bool(run.time_line))
    second = (await engine.send(Asked())).run_ids[0]
    [key] = (await held(engine, second, "concurrency")).keys
    assert "q1" in key
    assert (await engine.inspect.run(first)).hold is None


async def test_a_run_waits_for_a_worker(start: Start) -> None:
    engine = await start([naps], works=False)
    sent = await engine.send(Asked())
    assert await held(engine, sent.run_ids[0], "worker") == Hold("worker")


async def line_that(engine: Engine, run_id: str, step_id: str, holds: Callable[[Any], bool]) -> Any:
    def found(run: RunDetail) -> bool:
        return any(line.step_id == step_id and holds(line) for line in run.time_line)

    lines = (await until(engine, run_id, found)).time_line
    return next(line for line in lines if line.step_id == step_id)


async def test_a_step_that_will_be_tried_again_says_when_and_what_went_wrong(start: Start) -> None:
    async def fails() -> None:
        raise ConnectionError("no line")

    @job("tries", on=Asked, retries=RetryPolicy(max_attempts=3, min_timeout="1h"))
    async def tries(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("call", fails)

    engine = await start([tries])
    run_id = (await engine.send(Asked())).run_ids[0]
    line = await line_that(engine, run_id, "call", lambda line: line.status == "retrying")
    assert (line.kind, len(line.tries)) == ("run", 1)
    assert line.until > line.tries[0].ended_at >= line.tries[0].started_at
    assert "no line" in str(line.tries[0].error)
    await engine.cancel(run_id)
    line = await line_that(engine, run_id, "call", lambda line: line.status == "interrupted")
    assert line.until is None
    assert len(line.tries) == 1


async def test_a_body_that_will_be_tried_again_is_a_line_of_its_own(start: Start) -> None:
    @job("raises", on=Asked, retries=RetryPolicy(max_attempts=3, min_timeout="1h"))
    async def raises(_: JobContext[Asked]) -> None:
        raise ConnectionError("no line")

    engine = await start([raises])
    run_id = (await engine.send(Asked())).run_ids[0]
    line = await line_that(engine, run_id, "", lambda line: line.status == "retrying")
    assert line.until is not None
    assert "no line" in str(line.error)


async def test_a_run_that_sleeps_says_until_when(start: Start) -> None:
    engine = await start([naps])
    run_id = (await engine.send(Asked())).run_ids[0]
    line = await line_that(engine, run_id, "long", lambda line: line.status == "sleeping")
    assert line.until - line.started_at == timedelta(hours=1)
    assert line.ended_at is None
    assert (await engine.inspect.run(run_id)).hold is None
    await engine.cancel(run_id)
    line = await line_that(engine, run_id, "long", lambda line: line.status == "interrupted")
    assert line.ended_at == (await engine.inspect.run(run_id)).info.ended_at


async def test_what_lost_a_race_was_interrupted(start: Start) -> None:
    @job("races", on=Asked)
    async def races(ctx: JobContext[Asked]) -> None:
        async def quick() -> str:
            return "quick"

        await ctx.step.race(
            "first",
            lambda: ctx.step.run("quick", quick),
            lambda: ctx.step.run("slow", asyncio.sleep, 60),
        )

    engine = await start([races])
    run_id = (await engine.send(Asked())).run_ids[0]
    await engine.wait(run_id, 10)
    run = await until(engine, run_id, lambda run: len(run.time_line) == 3)
    ends = {line.step_id.rpartition("/")[2]: (line.kind, line.status) for line in run.time_line}
    assert ends == {
        "quick": ("run", "completed"),
        "first": ("race", "completed"),
        "slow": ("run", "interrupted"),
    }
