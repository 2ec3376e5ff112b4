"""The same jobs on the real engine and on the test engine: same ends, steps, attempts, events."""

import asyncio
from typing import Any

import pytest

from engine import (
    CancelOn,
    Engine,
    Event,
    EventData,
    Job,
    JobContext,
    RunFailed,
    SqliteDatabase,
    StepRecord,
    job,
)
from engine.testing import After, Signal, TestEngine
from tests.engine.testing.contract_jobs import JOBS, square
from tests.engine.things import Asked, Withdrawn


def shape(record: StepRecord) -> tuple[object, ...]:
    """All but times, and the runs that sent events start: the test engine runs one job."""
    error = None if record.error is None else f"{type(record.error).__name__} {record.error}"
    tries = [(each.attempt, each.error_name, each.error_message) for each in record.failed]
    result = "a time" if _is_time(record.result) else record.result
    return record.step_id, _without_chance(result), error, tries, record.attempts


def _without_chance(value: Any) -> Any:
    match value:
        case {"run_ids": _}:
            return {**value, "run_ids": []}
        case {"ts": _}:
            return {**value, "ts": "a time"}
        case [*items]:
            return [_without_chance(item) for item in items]
        case _:
            return value


def _is_time(value: object) -> bool:
    return isinstance(value, int) and value > 1_000_000_000_000


@pytest.mark.parametrize("tested", JOBS, ids=lambda tested: tested.id)
async def test_job_goes_as_on_the_real_engine(
    tested: Job[Asked, Any], sqlite: SqliteDatabase
) -> None:
    told: list[Event] = []

    @job("listen", on=["test/*"])
    async def listen(ctx: JobContext[dict[str, Any]]) -> None:
        event = ctx.event
        if event.name != Asked.event_name:
            told.append(Event(event.name, event.data, event.id))

    jobs = [square, listen, tested]
    async with Engine(jobs=jobs, database=sqlite, grace_s=0.2) as engine:
        sent = await engine.send(Asked(text="hi"), event_id="test")
        run_id = next(found for found in sent.run_ids if found.startswith(f"{tested.id}:"))
        info = await engine.wait(run_id, 5)
        real = await engine.steps(run_id)
        handler: list[StepRecord] = []
        if tested.on_failure is not None:
            await engine.wait(f"{run_id}:on-failure", 5)
            handler = await engine.steps(f"{run_id}:on-failure")
        for run in await engine.runs(job_id="listen"):
            await engine.wait(run.run_id, 5)

    t = TestEngine(tested, event=Asked(text="hi"), jobs=[square])
    outcome = await t.execute()
    assert outcome.run_id == run_id
    assert outcome.status == info.status
    assert tested.result.dump_python(outcome.result, mode="json") == info.result
    assert str(outcome.error) == str(info.error)
    if isinstance(info.error, RunFailed):
        assert isinstance(outcome.error, RunFailed)
        assert outcome.error.step_id == info.error.step_id
    by_name = sorted(map(shape, outcome.steps.values()), key=str)
    assert by_name == sorted(map(shape, real), key=str)
    handled_steps = () if outcome.on_failure is None else outcome.on_failure.steps.values()
    assert [shape(each) for each in handled_steps] == [shape(each) for each in handler]
    plain = [Event(each.name, each.data, each.id) for each in outcome.sent]
    assert sorted(plain, key=str) == sorted(told, key=str)


@job("approval", on=Asked, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
async def approval(ctx: JobContext[Asked]) -> list[Any]:
    async def by_event() -> Any:
        found = await ctx.step.wait_for_event(
            "event",
            "test/approved",
            match="data.questionId",
            when="async.data.by != event.data.text",
        )
        return found and found.data

    async def by_signal() -> Any:
        return await ctx.step.wait_for_signal("signal", f"ask/{ctx.event.data.question_id}")

    return await ctx.step.parallel(by_event, by_signal)


def approved(question_id: str, by: str) -> Event:
    return Event("test/approved", {"questionId": question_id, "by": by}, id=f"{question_id}{by}")


COMES: dict[str, list[Event | EventData | Signal]] = {
    "other question, wrong person, then both": [
        approved("q2", "bob"),
        approved("q1", "ann"),
        Signal("ask/q2", 1),
        approved("q1", "eve"),
        Signal("ask/q1", {"n": 1}),
    ],
    "signal first": [Signal("ask/q1", None), approved("q1", "bob")],
    "withdrawn": [approved("q1", "ann"), Withdrawn(question_id="q1")],
    "another withdrawn": [
        Withdrawn(question_id="q2"),
        approved("q1", "bob"),
        Signal("ask/q1", "yes"),
    ],
}


@pytest.mark.parametrize("comes", COMES.values(), ids=COMES.keys())
async def test_what_comes_to_a_run_does_as_on_the_real_engine(
    comes: list[Event | EventData | Signal], sqlite: SqliteDatabase
) -> None:
    asked = Asked(question_id="q1", text="ann")
    async with Engine(jobs=[approval], database=sqlite, grace_s=0.2) as engine:
        (run_id,) = (await engine.send(asked, event_id="test")).run_ids
        while len((await engine.inspect.waits()).items) < 2:  # noqa: ASYNC110 - rows, not an event
            await asyncio.sleep(0.005)
        for each in comes:
            if isinstance(each, Signal):
                await engine.send_signal(each.name, each.data)
            else:
                await engine.send(each)
        info = await engine.wait(run_id, 5)
        real = await engine.steps(run_id)

    timed = [After(number, each) for number, each in enumerate(comes, start=1)]
    outcome = await TestEngine(approval, event=asked, events=timed).execute()
    assert outcome.status == info.status
    assert outcome.result == info.result
    ours = sorted(map(shape, outcome.steps.values()), key=str)
    assert ours == sorted(map(shape, real), key=str)
