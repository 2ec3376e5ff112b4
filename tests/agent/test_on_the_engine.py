"""The loop inside a durable run of the real engine: its steps are `ctx.step`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.clock import SystemClock
from engine import Engine, EventData, Job, JobContext, RunFailed, SqliteDatabase, job
from llm.faults import RateLimited, StreamBroken
from llm.model import ModelEvent, ModelRequest
from tests.agent.desk import Desk
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(30)


class Asked(EventData, event="asked"):
    """Starts the run."""


@job("answer", on=Asked)
async def answer(ctx: JobContext[Asked]) -> str:
    desk = ctx.need(Desk)
    outcome = await desk.run(ctx.step)
    return outcome.ending.value


@asynccontextmanager
async def running(folder: Path, desk: Desk) -> AsyncGenerator[Engine]:
    jobs: list[Job[Asked, str]] = [answer]
    database = SqliteDatabase(folder / "engine.db")
    async with Engine(jobs=jobs, database=database, provide=[desk], grace_s=0.1) as engine:
        yield engine


def make_desk(*, hang_in_turn: int | None = None) -> Desk:
    script = [
        calls(*(call(f"c{n}", "writeFile", path=f"{n}", content=str(n)) for n in range(6))),
        calls(
            call("c6", "readFile", path="0"),
            call("c7", "editFile", path="0", oldString="0", newString="00"),
        ),
        says("Done."),
    ]
    return Desk(ScriptedTurns(script, by_turn=True, hang_in_turn=hang_in_turn))


FILES = {"0": b"00", **{str(n): str(n).encode() for n in range(1, 6)}}


async def test_a_run_ends_with_every_effect_and_the_whole_text(tmp_path: Path) -> None:
    desk = make_desk()
    async with running(tmp_path, desk) as engine:
        sent = await engine.send(Asked())
        info = await engine.wait(sent.run_ids[0], 10)
    assert info.status == "completed"
    assert info.result == "finished"
    assert desk.workspace.files == FILES
    assert desk.sink.shown == "Done."


async def test_a_run_that_is_handed_over_goes_on_where_it_was(tmp_path: Path) -> None:
    desk = make_desk(hang_in_turn=2)
    model = desk.model
    assert isinstance(model, ScriptedTurns)
    async with running(tmp_path, desk) as engine:
        sent = await engine.send(Asked())
        async with asyncio.timeout(10):
            await model.hanging.wait()
    assert len(model.requests) == 3
    model.hang_in_turn = None
    async with running(tmp_path, desk) as engine:
        info = await engine.wait(sent.run_ids[0], 10)
    assert info.status == "completed"
    assert len(model.requests) == 4, "only the turn that was broken off is generated again"
    assert desk.workspace.files == FILES
    assert desk.sink.shown == "Done."


async def test_a_cancel_closes_the_model_and_writes_nothing_more(tmp_path: Path) -> None:
    desk = make_desk(hang_in_turn=2)
    model = desk.model
    assert isinstance(model, ScriptedTurns)
    async with running(tmp_path, desk) as engine:
        sent = await engine.send(Asked())
        async with asyncio.timeout(10):
            await model.hanging.wait()
        await engine.cancel(sent.run_ids[0])
        info = await engine.wait(sent.run_ids[0], 10)
    assert info.status == "cancelled"
    assert model.closed == 3
    assert len(desk.transcript.turns) == 2


async def test_a_model_that_fails_for_good_fails_the_run_with_its_name(tmp_path: Path) -> None:
    desk = make_desk()
    desk.model = ScriptedTurns([StreamBroken("gone")] * 99)
    quick: Job[Asked, str] = job("answer-once", on=Asked, retries=0)(answer.fn)
    database = SqliteDatabase(tmp_path / "engine.db")
    async with Engine(jobs=[quick], database=database, provide=[desk]) as engine:
        sent = await engine.send(Asked())
        info = await engine.wait(sent.run_ids[0], 10)
    assert info.status == "failed"
    assert isinstance(info.error, RunFailed)
    assert info.error.name == "StreamBroken"
    assert info.error.step_id == "turn-0"


class NotYet(ScriptedTurns):
    """Refuses the first request, and notes when the others come."""

    until: datetime | None = None
    asked_at: tuple[datetime, ...] = ()
    refused_s: float = 1.5

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        now = SystemClock().now()
        self.asked_at = (*self.asked_at, now)
        if self.until is None or now < self.until:
            self.until = self.until or now + timedelta(seconds=self.refused_s)
            raise RateLimited("too many requests", retry_at=self.until)
        async for event in super().stream(request):
            yield event


async def test_a_wait_for_the_provider_survives_the_process(tmp_path: Path) -> None:
    desk = make_desk()
    model = desk.model = NotYet([says("Done.")], by_turn=True)
    async with running(tmp_path, desk) as engine:
        sent = await engine.send(Asked())
        await until_waiting(desk)
    async with running(tmp_path, desk) as engine:
        info = await engine.wait(sent.run_ids[0], 20)
    assert info.status == "completed"
    assert model.until is not None
    assert [at < model.until for at in model.asked_at] == [True, False]
    assert desk.transcript.waits[-1] is None


async def test_a_cancel_ends_the_wait_at_once(tmp_path: Path) -> None:
    desk = make_desk()
    model = desk.model = NotYet([says("Done.")], by_turn=True)
    model.refused_s = 600
    async with running(tmp_path, desk) as engine:
        sent = await engine.send(Asked())
        await until_waiting(desk)
        await engine.cancel(sent.run_ids[0])
        info = await engine.wait(sent.run_ids[0], 5)
    assert info.status == "cancelled"
    assert len(model.asked_at) == 1


async def until_waiting(desk: Desk) -> None:
    async with asyncio.timeout(10):
        while not desk.transcript.waits:  # noqa: ASYNC110 - what a reader of the store would see
            await asyncio.sleep(0.01)
