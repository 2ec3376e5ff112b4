"""The loop inside a durable run of the real engine: `once` is `ctx.step.run`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import Engine, EventData, Job, JobContext, RunFailed, SqliteDatabase, job
from llm.faults import StreamBroken
from tests.agent.desk import Desk
from tests.agent.models import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(30)


class Asked(EventData, event="asked"):
    """Starts the run."""


@job("answer", on=Asked)
async def answer(ctx: JobContext[Asked]) -> str:
    desk = ctx.need(Desk)
    outcome = await desk.run(ctx.step.run)
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
