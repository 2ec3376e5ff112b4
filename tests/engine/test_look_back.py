"""Events that came before their wait: all since the run's own event count, each once."""

import asyncio
import time
from datetime import datetime, timedelta

import pytest

from core.clock import SystemClock
from engine import Batch, Database, Engine, Event, EventData, JobContext, job
from engine.testing import After, TestEngine
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes
from tests.support.waiting import until


class Approved(EventData, event="test/approved"):
    question_id: str = "q1"
    by: str = "nobody"


class Later:
    """The clock of a process that runs some hours after the others."""

    def __init__(self, hours: float) -> None:
        self._ahead = timedelta(hours=hours)

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()


@job("other", on="test/other")
async def other(_: JobContext[dict[str, str]]) -> None:
    """Keeps an engine from having no jobs."""


async def test_answer_that_came_while_a_crashed_run_was_away_is_found(database: Database) -> None:
    notes = Notes()

    @job("asks", on=Asked)
    async def asks(ctx: JobContext[Asked]) -> list[str]:
        async def ask() -> None:
            notes.write("asked")
            if len(notes.lines) == 1:
                await asyncio.Event().wait()

        await ctx.step.run("ask", ask)
        found: list[str] = []
        for _ in range(2):
            answer = await ctx.step.wait_for_event("answer", Approved, match="data.questionId")
            found.append("none" if answer is None else answer.data.by)
        return found

    async with Engine(jobs=[other], database=database, clock=Later(-1)) as engine:
        await engine.send(Approved(by="somebody, before the question"))
    async with Engine(jobs=[asks], database=database, grace_s=0.1) as engine:
        run_id = (await engine.send(Asked(question_id="q1"))).run_ids[0]
        await until(lambda: notes.lines == ["asked"])
    async with Engine(jobs=[other], database=database, clock=Later(1)) as engine:
        await engine.send(Approved(question_id="q2", by="eve"))
        await engine.send(Approved(by="ann"))
        await engine.send(Approved(by="bob"))
    async with Engine(jobs=[asks], database=database, clock=Later(2)) as engine:
        assert await engine.result(run_id, 10) == ["ann", "bob"]


async def test_many_events_of_other_questions_hide_none(start: Start) -> None:
    go = asyncio.Event()

    @job("asks", on=Asked)
    async def asks(ctx: JobContext[Asked]) -> str:
        await ctx.step.run("busy", go.wait)
        answer = await ctx.step.wait_for_event("answer", Approved, match="data.questionId")
        return "none" if answer is None else answer.data.by

    engine = await start([asks])
    run_id = (await engine.send(Asked(question_id="q1"))).run_ids[0]
    others = [Approved(question_id=f"other-{number}") for number in range(250)]
    await engine.send_many([*others, Approved(by="ann"), *others])
    go.set()
    assert await engine.result(run_id, 5) == "ann"


async def test_look_back_can_be_shorter(database: Database) -> None:
    notes = Notes()

    @job("asks", on=Asked)
    async def asks(ctx: JobContext[Asked]) -> list[bool]:
        async def ask() -> None:
            notes.write("asked")
            if len(notes.lines) == 1:
                await asyncio.Event().wait()

        await ctx.step.run("ask", ask)
        return [
            await ctx.step.wait_for_event("w", Approved, timeout=0.05, look_back=back) is None
            for back in (0, "30m", "90m")
        ]

    async with Engine(jobs=[asks], database=database, grace_s=0.1) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await until(lambda: notes.lines == ["asked"])
    async with Engine(jobs=[other], database=database, clock=Later(1)) as engine:
        await engine.send(Approved())
    async with Engine(jobs=[asks], database=database, clock=Later(2)) as engine:
        assert await engine.result(run_id, 10) == [True, True, False]


async def test_events_that_started_a_batch_do_not_answer_its_waits(start: Start) -> None:
    @job("batches", on=Approved, batch=Batch(max_size=2, timeout="5s"))
    async def batches(ctx: JobContext[Approved]) -> bool:
        return await ctx.step.wait_for_event("w", Approved, timeout=0.05) is None

    engine = await start([batches])
    sent = await engine.send_many([Approved(by="ann"), Approved(by="bob")])
    assert await engine.result(sent[0].run_ids[0], 10) is True


@pytest.mark.parametrize("look_back", [None, "30m"])
async def test_test_engine_looks_back_as_far(look_back: str | None) -> None:
    back = {} if look_back is None else {"look_back": look_back}

    @job("asks", on=Asked)
    async def asks(ctx: JobContext[Asked]) -> bool:
        await ctx.step.sleep("away", "2h")
        return await ctx.step.wait_for_event("w", Approved, timeout="1m", **back) is not None

    came = [After("1h", Approved()), After("1h", Event("test/approved", {"question_id": "q2"}))]
    outcome = await TestEngine(asks, event=Asked(), events=came).execute()
    assert outcome.result is (look_back is None)
