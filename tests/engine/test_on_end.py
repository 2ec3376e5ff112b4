"""Middleware hears of a run's end: whatever it is, once, and after it is stored."""

import asyncio
import logging
import sys
from typing import Any

import pytest

from engine import (
    CancelOn,
    Debounce,
    FailureContext,
    JobContext,
    Middleware,
    NonRetriable,
    RunEnd,
    RunFailed,
    Timeouts,
    job,
)
from engine.testing import After, TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes, Withdrawn, until_waiting
from tests.support.waiting import until


class Hears(Middleware):
    """Notes each end."""

    def __init__(self) -> None:
        self.ends: list[RunEnd] = []

    async def on_end(self, end: RunEnd) -> None:
        self.ends.append(end)

    def heard(self) -> list[tuple[str, str, Any]]:
        return [
            (
                end.job_id,
                end.status,
                end.error.message if isinstance(end.error, RunFailed) else end.result,
            )
            for end in self.ends
        ]


@job("answers", on=Asked, retries=QUICK, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
async def answers(ctx: JobContext[Asked]) -> dict[str, int]:
    if ctx.attempt == 0:
        raise ConnectionError("not the end")
    if ctx.event.data.text == "fail":
        raise NonRetriable("no idea")
    if ctx.event.data.text == "wait":
        await ctx.step.wait_for_signal("w", f"go/{ctx.event.data.question_id}")
    return {"attempt": ctx.attempt}


async def test_completed_failed_and_cancelled_runs_are_heard_of_once(start: Start) -> None:
    hears = Hears()
    engine = await start([answers], middleware=[hears])
    completed = (await engine.send(Asked())).run_ids[0]
    await engine.wait(completed, 5)
    await until(lambda: len(hears.ends) == 1)
    (end,) = hears.ends
    assert (end.run_id, end.is_failure_handler) == (completed, False)
    assert end.event is not None
    assert end.event.data == Asked()
    assert end.started_at is not None
    assert end.ended_at is not None
    assert end.created_at <= end.started_at <= end.ended_at
    failed = (await engine.send(Asked(text="fail"))).run_ids[0]
    await engine.wait(failed, 5)
    await until(lambda: len(hears.ends) == 2)
    waits = (await engine.send(Asked(question_id="q2", text="wait"))).run_ids[0]
    await until_waiting(engine, waits)
    await engine.send(Withdrawn(question_id="q2"))
    await until(lambda: len(hears.ends) == 3)
    assert hears.heard() == [
        ("answers", "completed", {"attempt": 1}),
        ("answers", "failed", "no idea"),
        ("answers", "cancelled", None),
    ]
    await engine.__aexit__(None, None, None)
    assert len(hears.ends) == 3


async def test_runs_that_are_cancelled_before_they_start_are_heard_of(start: Start) -> None:
    hears = Hears()

    @job("late", on=Asked, timeouts=Timeouts(start="1s"))
    async def late(_: JobContext[Asked]) -> None:
        """Never starts."""

    engine = await start([late], middleware=[hears])
    await engine.pause(late)
    await engine.send(Asked())
    (queued,) = (await engine.send(Asked(text="q"))).run_ids
    await engine.cancel(queued)
    await until(lambda: len(hears.ends) == 2, 10)
    assert hears.heard() == [("late", "cancelled", None)] * 2


async def test_children_and_handlers_are_runs_too(start: Start) -> None:
    hears = Hears()

    async def close(_: FailureContext[Asked]) -> None:
        """Handles it."""

    @job("child", on="test/child", retries=0, middleware=[hears])
    async def child(_: JobContext[dict[str, Any]]) -> None:
        raise NonRetriable("no")

    @job("parent", on=Asked, retries=0, on_failure=close, middleware=[hears])
    async def parent(ctx: JobContext[Asked]) -> None:
        await ctx.step.invoke("child", child)

    engine = await start([parent, child])
    await engine.send(Asked())
    await until(lambda: len(hears.ends) == 3)
    expected = [
        ("child", "failed", "no"),
        ("parent", "completed", None),
        ("parent", "failed", "no"),
    ]
    assert sorted(hears.heard(), key=str) == expected  # nothing orders the ends of several runs
    (handler,) = [end for end in hears.ends if end.is_failure_handler]
    assert handler.status == "completed"
    assert handler.event is not None
    assert handler.event.data == Asked()
    in_test = Hears()
    await TestEngine(parent, event=Asked(), jobs=[child], middleware=[in_test]).execute()
    assert sorted(in_test.heard(), key=str) == expected


async def test_run_that_is_handed_over_has_not_ended(start: Start) -> None:
    hears = Hears()
    first = await start([answers], middleware=[hears], executor_id="one")
    run_id = (await first.send(Asked(text="wait"))).run_ids[0]
    await until_waiting(first, run_id)
    await first.__aexit__(None, None, None)
    assert hears.ends == []
    second = await start([answers], middleware=[hears], executor_id="one")
    await until_waiting(second, run_id)
    await second.send_signal("go/q1")
    await until(lambda: len(hears.ends) == 1)
    assert hears.heard() == [("answers", "completed", {"attempt": 1})]


async def test_end_of_a_debounced_run_has_its_last_event(start: Start) -> None:
    hears = Hears()

    @job("saves", on=Asked, debounce=Debounce("1s"))
    async def saves(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    engine = await start([saves], middleware=[hears])
    await engine.send_many([Asked(text="first"), Asked(text="last")])
    await until(lambda: len(hears.ends) == 1)
    assert hears.ends[0].event is not None
    assert hears.ends[0].event.data.text == hears.ends[0].result == "last"


@pytest.mark.parametrize("how", ["raises", "exits"])
async def test_hook_that_fails_hurts_nobody(
    start: Start, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    hears = Hears()

    class Fails(Middleware):
        async def on_end(self, end: RunEnd) -> None:
            await asyncio.sleep(0)
            if how == "exits":
                sys.exit(1)
            raise ValueError(end.run_id)

    engine = await start([answers], middleware=[Fails(), hears])
    with caplog.at_level(logging.ERROR, "engine.run"):
        await engine.wait((await engine.send(Asked())).run_ids[0], 5)
        await until(lambda: len(hears.ends) == 1)
    assert [record.message for record in caplog.records] == ["on_end_failed"]


async def test_test_engine_tells_of_cancels_and_not_of_a_step_at_which_it_stops() -> None:
    notes, hears = Notes(), Hears()

    @job("waits", on=Asked, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
    async def waits(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("first", "1s")
        await ctx.step.sleep("long", "1h")
        notes.write("not reached")

    gone = [After("1m", Withdrawn(question_id="q1"))]
    test = TestEngine(waits, event=Asked(), events=gone, middleware=[hears])
    await test.execute_step("first")
    assert hears.ends == []
    outcome = await test.execute()
    assert outcome.status == "cancelled"
    assert hears.heard() == [("waits", "cancelled", None)]
    assert hears.ends[0].ended_at == outcome.ended_at
