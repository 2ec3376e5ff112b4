"""step.run: remembered by id, typed, bounded, tried again."""

import asyncio
from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from engine import (
    JobContext,
    NonRetriable,
    RetryAfter,
    RetryPolicy,
    StepFailed,
    current_step,
    job,
)
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes


class Answer(BaseModel):
    text: str
    score: float


@dataclass(frozen=True)
class Point:
    x: int
    tags: tuple[str, ...]


async def test_step_returns_the_type_its_function_declares(start: Start) -> None:
    async def model() -> Answer:
        return Answer(text="yes", score=0.5)

    async def record() -> Point:
        return Point(1, ("a", "b"))

    notes = Notes()

    @job("types", on=Asked)
    async def types(ctx: JobContext[Asked]) -> Answer:
        answer = await ctx.step.run("model", model)
        point = await ctx.step.run("record", record)
        notes.write(f"{answer!r} {point!r}")
        return answer

    engine = await start([types])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == {"text": "yes", "score": 0.5}
    assert notes.lines == [f"{Answer(text='yes', score=0.5)!r} {Point(1, ('a', 'b'))!r}"]


async def test_same_id_in_a_loop_gets_a_counter(start: Start) -> None:
    async def which() -> str:
        step = current_step()
        assert step is not None
        return step.step_id

    @job("loop", on=Asked)
    async def loop(ctx: JobContext[Asked]) -> list[str]:
        return [await ctx.step.run("turn", which) for _ in range(3)]

    engine = await start([loop])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == ["turn", "turn:1", "turn:2"]


async def test_failing_step_is_tried_again_with_the_same_idempotency_key(start: Start) -> None:
    seen: list[tuple[int, int, str]] = []

    @job("flaky", on=Asked, retries=QUICK)
    async def flaky(ctx: JobContext[Asked]) -> int:
        async def attempt() -> int:
            step = current_step()
            assert step is not None
            seen.append((step.attempt, ctx.attempt, step.idempotency_key))
            if ctx.attempt < 2:
                raise ConnectionError("not yet")
            return ctx.attempt

        return await ctx.step.run("call", attempt)

    engine = await start([flaky])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == 2
    key = f"{sent.run_ids[0]}:call"
    assert seen == [(0, 0, key), (1, 1, key), (2, 2, key)]


async def test_exhausted_step_can_be_caught_and_replaced(start: Start) -> None:
    async def broken() -> str:
        raise ValueError("no luck")

    async def spare() -> str:
        return "spare"

    @job("fallback", on=Asked, retries=QUICK)
    async def fallback(ctx: JobContext[Asked]) -> str:
        try:
            return await ctx.step.run("main", broken)
        except StepFailed as failed:
            used = await ctx.step.run("spare", spare)
            return f"{used} after {failed.attempts} {failed.name}: {failed.message}"

    engine = await start([fallback])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == "spare after 3 ValueError: no luck"


async def test_non_retriable_is_not_tried_again(start: Start) -> None:
    calls: list[int] = []

    async def hopeless() -> None:
        calls.append(1)
        raise NonRetriable("never")

    @job("hopeless", on=Asked)
    async def body(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("s", hopeless)

    engine = await start([body])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "failed"
    assert "never" in str(info.error)
    assert calls == [1]


async def test_retry_after_chooses_the_next_time(start: Start) -> None:
    times: list[float] = []

    async def limited() -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            raise RetryAfter("later", "150ms")

    slow = RetryPolicy(max_attempts=2, min_timeout=60, max_timeout=60)

    @job("limited", on=Asked, retries=slow)
    async def body(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("s", limited)

    engine = await start([body])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    assert 0.15 <= times[1] - times[0] < 2


async def test_result_that_is_not_json_fails_and_names_the_step(start: Start) -> None:
    async def odd() -> object:
        return object()

    @job("odd", on=Asked, retries=QUICK)
    async def body(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("weird-step", odd)

    engine = await start([body])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "failed"
    assert "weird-step" in str(info.error)


async def test_exception_that_cannot_be_printed_still_ends_the_run(start: Start) -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("even this")

    async def odd() -> None:
        raise Unprintable

    @job("unprintable", on=Asked, retries=0)
    async def body(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("s", odd)

    engine = await start([body])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "failed"
    assert "Unprintable" in str(info.error)


async def test_too_much_output_fails_and_says_what_to_do(start: Start) -> None:
    async def big() -> str:
        return "x" * (3 * 1024 * 1024)

    @job("big", on=Asked)
    async def body(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("first", big)
        await ctx.step.run("second", big)

    engine = await start([body])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "failed"
    assert "'second'" in str(info.error)
    assert "return a reference" in str(info.error)


async def test_steps_do_not_nest(start: Start) -> None:
    @job("nest", on=Asked, retries=0)
    async def body(ctx: JobContext[Asked]) -> None:
        async def inner() -> None:
            await asyncio.sleep(0)

        async def outer() -> None:
            await ctx.step.run("inner", inner)

        await ctx.step.run("outer", outer)

    engine = await start([body])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "failed"
    assert "do not nest" in str(info.error)


async def test_cancelled_error_from_below_is_a_failure_not_a_stuck_run(start: Start) -> None:
    async def strange() -> None:
        raise asyncio.CancelledError

    @job("strange", on=Asked, retries=0)
    async def body(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("s", strange)

    engine = await start([body])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "failed"


@pytest.mark.timeout(30)
async def test_the_thousand_and_first_step_is_refused(start: Start) -> None:
    async def tiny() -> int:
        return 1

    @job("many", on=Asked)
    async def body(ctx: JobContext[Asked]) -> None:
        for _ in range(1001):
            await ctx.step.run("s", tiny)

    engine = await start([body])
    sent = await engine.send(Asked())
    info = await engine.wait(sent.run_ids[0], 25)
    assert info.status == "failed"
    assert "'s:1000'" in str(info.error)
