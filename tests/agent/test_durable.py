"""What outlives a process: one port, whose adapters do the same; and results that are JSON."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from agent.durable import Durable, NotDurable, ToolRef, TurnRef
from engine import Engine, Event, JobContext, SqliteDatabase, job
from tests.agent.desk import Desk, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says


@pytest.fixture
async def results() -> dict[str, Any]:
    journal = Journal()
    script = [
        calls(call("c1", "readFile", path="a"), call("c2", "renameFile", path="b", newPath="c")),
        says("Done."),
    ]
    await Desk(ScriptedTurns(script), files={"a": "x", "b": "y"}).run(journal)
    return journal.results


async def test_every_result_survives_json(results: dict[str, Any]) -> None:
    assert len(results) == 4
    for result in results.values():
        adapter: TypeAdapter[Any] = TypeAdapter(ToolRef if isinstance(result, ToolRef) else TurnRef)
        stored = json.dumps(adapter.dump_python(result, mode="json"))
        assert adapter.validate_python(json.loads(stored)) == result


AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Review:
    """What a child comes to."""

    verdict: str


async def goes_through(steps: Durable, signal: str) -> list[Any]:
    """A body that uses everything the port has."""

    async def look() -> Review:
        return Review("looked")

    looked = await steps.run("look", look)
    await steps.sleep_until("rest", AT)
    approved = await steps.wait_for_signal("approve", signal)
    late = await steps.wait_for_signal("late", f"{signal}-never", timeout=0.01)
    review = await steps.invoke("review", reviewer, {"of": approved})
    when = 'async.data.askId == "a1"'
    told = await steps.wait_for_event("told", "told", when=when)
    untold = await steps.wait_for_event("untold", "untold", when=when, timeout=0.01)
    return [looked.verdict, approved, late, review.verdict, told is None, untold]


@job("reviewer", on="review")
async def reviewer(ctx: JobContext[dict[str, str]]) -> Review:
    """A sub-agent."""
    return Review(f"fine: {ctx.event.data['of']}")


async def in_process(data: Mapping[str, Any]) -> Review:
    return Review(f"fine: {data['of']}")


ALL = ["looked", "yes", None, "fine: yes", False, None]


async def answered(alive: NotDurable) -> None:
    for ask_id in ("a0", "a1"):  # before anybody waits
        await alive.send_event("told", {"askId": ask_id})
    while not alive.send_signal("go", "yes"):  # noqa: ASYNC110 - it is not told when one waits
        await asyncio.sleep(0)


async def test_without_durability_all_of_it_happens_in_this_process() -> None:
    alive = NotDurable(children={"reviewer": in_process})
    async with asyncio.TaskGroup() as group:
        group.create_task(answered(alive))
        assert await goes_through(alive, "go") == ALL
    assert not alive.send_signal("go", "again")


async def test_a_journal_that_is_played_again_asks_nobody_twice() -> None:
    alive = NotDurable(children={"reviewer": in_process})
    journal = Journal(alive)
    async with asyncio.TaskGroup() as group:
        group.create_task(answered(alive))
        assert await goes_through(journal, "go") == ALL
    again = Journal()
    again.results = journal.results
    assert await goes_through(again, "go") == ALL
    assert again.ran == []


async def test_steps_of_the_engine_are_the_port(tmp_path: Path) -> None:
    @job("asks", on="ask")
    async def asks(ctx: JobContext[dict[str, str]]) -> list[Any]:
        return await goes_through(ctx.step, "go")

    database = SqliteDatabase(tmp_path / "engine.db")
    async with Engine(jobs=[asks, reviewer], database=database) as engine:
        run_id = (await engine.send(Event("ask"))).run_ids[0]
        for ask_id in ("a0", "a1"):
            await engine.send(Event("told", {"askId": ask_id}))
        async with asyncio.timeout(10):
            while not await engine.send_signal("go", "yes"):  # noqa: ASYNC110 - not told
                await asyncio.sleep(0.01)
        assert await engine.result(run_id, 10) == ALL
