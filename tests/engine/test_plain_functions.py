"""Plain functions as jobs, steps and failure handlers: in threads, durable like all others."""

import asyncio
import functools
import threading
import time
from collections.abc import Coroutine
from typing import Any

from engine import (
    JobContext,
    NonRetriable,
    PlainFailureContext,
    PlainJobContext,
    StepFailed,
    current_step,
    job,
)
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes, Withdrawn, until_waiting
from tests.support.waiting import until


def where(text: str) -> tuple[str, bool]:
    return text, threading.current_thread() is threading.main_thread()


async def test_plain_step_runs_in_a_thread_and_is_remembered(start: Start) -> None:
    calls: list[str] = []

    def plain(text: str, *, times: int = 1) -> str:
        assert threading.current_thread() is not threading.main_thread()
        step = current_step()
        assert step is not None
        calls.append(step.idempotency_key)
        return text * times

    @job("mixed", on=Asked, retries=QUICK)
    async def mixed(ctx: JobContext[Asked]) -> list[str]:
        first = await ctx.step.run("plain", plain, "a", times=2)
        second = await ctx.step.run("partial", functools.partial(plain, times=3), "b")
        if ctx.attempt == 0:
            raise ConnectionError("again")
        return [first, second]

    engine = await start([mixed])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == ["aa", "bbb"]
    assert len(calls) == 2


async def test_plain_step_that_blocks_keeps_nobody_waiting(start: Start) -> None:
    go = threading.Event()

    @job("blocks", on=Asked)
    async def blocks(ctx: JobContext[Asked]) -> bool:
        return await ctx.step.run("wait", go.wait, 20)

    @job("quick", on=Withdrawn)
    async def quick(_: JobContext[Withdrawn]) -> str:
        return "done"

    engine = await start([blocks, quick])
    blocked = await engine.send_many([Asked() for _ in range(40)])
    sent = await engine.send(Withdrawn(question_id="q"))
    assert await engine.result(sent.run_ids[0], 10) == "done"
    go.set()
    for one in blocked:
        assert await engine.result(one.run_ids[0], 10) is True


async def test_async_calls_written_as_lambdas_and_wrappers_stay_on_the_loop(start: Start) -> None:
    async def twice(number: int) -> int:
        assert threading.current_thread() is threading.main_thread()
        await asyncio.sleep(0)
        return number * 2

    @functools.wraps(twice)
    def wrapped(number: int) -> Coroutine[Any, Any, int]:
        return twice(number)

    def returns_one(number: int) -> Coroutine[Any, Any, int]:
        return twice(number)

    @job("lambdas", on=Asked)
    async def lambdas(ctx: JobContext[Asked]) -> list[int]:
        both = await ctx.step.run("gathered", lambda: asyncio.gather(twice(1), twice(2)))
        return [
            *both,
            await ctx.step.run("lambda", lambda: twice(3)),
            await ctx.step.run("wrapped", wrapped, 4),
            await ctx.step.run("returned", returns_one, 5),
        ]

    engine = await start([lambdas])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == [2, 4, 6, 8, 10]


async def test_plain_step_that_fails_is_tried_again(start: Start) -> None:
    attempts: list[int] = []

    def fails() -> None:
        step = current_step()
        assert step is not None
        attempts.append(step.attempt)
        raise StopIteration if step.attempt else ConnectionError("reset")

    @job("failing", on=Asked, retries=QUICK)
    async def failing(ctx: JobContext[Asked]) -> str:
        try:
            await ctx.step.run("fails", fails)
        except StepFailed as failed:
            return failed.name
        return "no failure"

    engine = await start([failing])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == "RuntimeError"
    assert attempts == [0, 1, 2]


async def test_cancel_waits_for_the_thread_and_stores_nothing_of_it(start: Start) -> None:
    begun, go = threading.Event(), threading.Event()
    ended: list[str] = []

    def slow() -> None:
        begun.set()
        go.wait(20)
        ended.append("slow")

    @job("slow", on=Asked)
    async def cancelled(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("slow", slow)
        ended.append("body")

    engine = await start([cancelled])
    sent = await engine.send(Asked())
    await until(begun.is_set)
    asyncio.get_running_loop().call_later(0.1, go.set)
    assert await engine.cancel(sent.run_ids[0])
    assert ended == ["slow"]
    assert await engine.steps(sent.run_ids[0]) == []


@job("plain", on=Asked, retries=QUICK)
def plain_job(ctx: PlainJobContext[Asked]) -> list[str]:
    """A whole job without `await`."""
    assert threading.current_thread() is not threading.main_thread()
    notes = ctx.need(Notes)

    def work(text: str) -> str:
        notes.write(f"work {text}")
        return text.upper()

    async def on_the_loop() -> str:
        assert threading.current_thread() is threading.main_thread()
        return "loop"

    words = [ctx.step.run("work", work, text) for text in (ctx.event.data.text, "b")]
    words.append(ctx.step.run("loop", on_the_loop))
    ctx.step.sleep("nap", "10ms")
    found = ctx.step.wait_for_event("w", Withdrawn, match="data.questionId", timeout="1h")
    words.append("none" if found is None else found.data.question_id)
    notes.write(f"attempt {ctx.attempt}")
    if ctx.attempt == 0:
        raise ConnectionError("again")
    return words


async def test_plain_job_has_the_same_steps(start: Start) -> None:
    notes = Notes()
    engine = await start([plain_job], provide=[notes])
    sent = await engine.send(Asked(text="a", question_id="q7"))
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Withdrawn(question_id="q7"))
    assert await engine.result(sent.run_ids[0], 5) == ["A", "B", "loop", "q7"]
    assert notes.lines == ["work a", "work b", "attempt 0", "attempt 1"]
    steps = [step.step_id for step in await engine.steps(sent.run_ids[0])]
    assert steps == ["work", "work:1", "loop", "nap", "w"]


async def test_plain_job_that_waits_is_cancelled_at_once(start: Start) -> None:
    unwound = threading.Event()

    @job("waits", on=Asked)
    def waits(ctx: PlainJobContext[Asked]) -> None:
        try:
            ctx.step.sleep("long", "1h")
        except Exception:  # noqa: BLE001 - what a job that catches everything does
            raise AssertionError("a cancel is no Exception") from None
        finally:
            unwound.set()

    engine = await start([waits])
    sent = await engine.send(Asked())
    await until(lambda: bool(engine.live_runs()))
    assert await engine.cancel(sent.run_ids[0])
    assert unwound.wait(5)
    assert engine.live_runs() == []


async def test_plain_job_that_is_cancelled_comes_to_no_further_step(start: Start) -> None:
    begun, go = threading.Event(), threading.Event()
    notes = Notes()

    @job("computes", on=Asked)
    def computes(ctx: PlainJobContext[Asked]) -> None:
        begun.set()
        go.wait(20)
        notes.write("computed")
        ctx.step.run("after", notes.write, "stepped")
        notes.write("went on")

    engine = await start([computes])
    sent = await engine.send(Asked())
    await until(begun.is_set)
    asyncio.get_running_loop().call_later(0.1, go.set)
    assert await engine.cancel(sent.run_ids[0])
    assert notes.lines == ["computed"]


async def test_plain_failure_handler_hears_of_the_failure(start: Start) -> None:
    notes = Notes()

    def handle(ctx: PlainFailureContext[Asked]) -> None:
        ctx.step.run("note", notes.write, f"{ctx.run_id} {ctx.error.name} {ctx.event.data.text}")

    @job("fails", on=Asked, on_failure=handle)
    def fails(_: PlainJobContext[Asked]) -> None:
        raise NonRetriable("no")

    engine = await start([fails])
    sent = await engine.send(Asked(text="t"))
    assert (await engine.wait(sent.run_ids[0], 5)).status == "failed"
    await engine.wait(f"{sent.run_ids[0]}:on-failure", 5)
    assert notes.lines == [f"{sent.run_ids[0]} NonRetriable t"]


async def test_plain_functions_take_no_virtual_time() -> None:
    @job("timed", on=Asked)
    def timed(ctx: PlainJobContext[Asked]) -> tuple[str, bool]:
        time.sleep(0.05)  # long enough for a test engine that thinks that nothing happens any more
        ctx.step.sleep("hour", "1h")
        return ctx.step.run("where", where, ctx.event.data.text)

    outcome = await TestEngine(timed, event=Asked(text="x")).execute()
    assert outcome.result == ("x", False)
    assert outcome.took.total_seconds() == 3600
