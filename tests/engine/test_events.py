"""Events: accepted once, typed, matched to jobs."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import ManualClock
from engine import BadEvent, BadJob, Engine, Event, JobContext, On, job
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes


@job("note", on=Asked)
async def note(ctx: JobContext[Asked]) -> str:
    ctx.need(Notes).write(ctx.event.data.text)
    return ctx.event.data.text


async def test_duplicate_event_id_gets_the_same_answer_and_starts_nothing(start: Start) -> None:
    notes = Notes()
    engine = await start([note], provide=[notes])
    first = await engine.send(Asked(text="a"), event_id="evt-1")
    again = await engine.send(Asked(text="b"), event_id="evt-1")
    assert (again.event_id, again.run_ids) == (first.event_id, first.run_ids)
    assert again.duplicate
    assert not first.duplicate
    await engine.wait(first.run_ids[0], 5)
    assert notes.lines == ["a"]


async def test_twenty_sends_of_one_id_at_once_start_one_run(start: Start) -> None:
    notes = Notes()
    engine = await start([note], provide=[notes])
    answers = await asyncio.gather(
        *(engine.send(Asked(text="x"), event_id="same") for _ in range(20))
    )
    assert len({answer.run_ids for answer in answers}) == 1
    await engine.wait(answers[0].run_ids[0], 5)
    assert notes.lines == ["x"]


async def test_event_id_is_accepted_again_after_24_hours(start: Start) -> None:
    clock = ManualClock(datetime.now(UTC))  # noqa: TID251 - DBOS compares with the real time
    notes = Notes()
    engine = await start([note], provide=[notes], clock=clock)
    first = await engine.send(Asked(text="one"), event_id="e")
    await engine.wait(first.run_ids[0], 5)
    clock.advance(24 * 3600 + 1)
    second = await engine.send(Asked(text="two"), event_id="e")
    assert second.run_ids != first.run_ids
    third = await engine.send(Asked(text="three"), event_id="e")
    assert third.run_ids == second.run_ids


async def test_job_sees_the_whole_event(start: Start) -> None:
    @job("whole", on=Asked)
    async def whole(ctx: JobContext[Asked]) -> list[str]:
        event = ctx.event
        return [event.name, event.data.text, event.id, str(event.ts.tzinfo), str(event.user)]

    engine = await start([whole])
    sent = await engine.send(Asked(text="t"), event_id="id1", user={"id": "u1"})
    found = await engine.result(sent.run_ids[0], 5)
    assert found == ["test/asked", "t", "id1", "UTC", "{'id': 'u1'}"]


async def test_one_event_starts_every_job_that_matches(start: Start) -> None:
    @job("exact", on="orders/paid")
    async def exact(ctx: JobContext[dict[str, int]]) -> str:
        return ctx.event.name

    @job("pattern", on="orders/*")
    async def pattern(ctx: JobContext[dict[str, int]]) -> str:
        return ctx.event.name

    @job("large", on=On("orders/paid", when="event.data.amount > 100"))
    async def large(ctx: JobContext[dict[str, int]]) -> str:
        return ctx.event.name

    @job("other", on="order")
    async def other(ctx: JobContext[dict[str, int]]) -> str:
        return ctx.event.name

    engine = await start([exact, pattern, large, other])
    small = await engine.send(Event("orders/paid", {"amount": 5}))
    assert {run.split(":")[0] for run in small.run_ids} == {"exact", "pattern"}
    big = await engine.send(Event("orders/paid", {"amount": 500}))
    assert {run.split(":")[0] for run in big.run_ids} == {"exact", "pattern", "large"}
    missing = await engine.send(Event("orders/paid", {}))
    assert {run.split(":")[0] for run in missing.run_ids} == {"exact", "pattern"}


async def test_unknown_event_is_accepted_and_starts_nothing(start: Start) -> None:
    engine = await start([note], provide=[Notes()])
    sent = await engine.send(Event("nobody/listens", {"a": 1}))
    assert sent.run_ids == ()


async def test_data_that_does_not_fit_is_refused_and_names_the_field(start: Start) -> None:
    engine = await start([note], provide=[Notes()])
    with pytest.raises(BadEvent, match="questionId"):
        await engine.send(Event("test/asked", {"questionId": 5}))
    with pytest.raises(BadEvent, match="surplus"):
        await engine.send(Event("test/asked", {"surplus": 5}))


async def test_event_that_is_too_large_is_refused(start: Start) -> None:
    engine = await start([note], provide=[Notes()])
    with pytest.raises(BadEvent, match="send a reference"):
        await engine.send(Asked(text="x" * 600_000), event_id="large")
    assert not (await engine.send(Asked(text="y"), event_id="large")).duplicate


async def test_send_many_stores_all_or_none(start: Start) -> None:
    notes = Notes()
    engine = await start([note], provide=[notes])
    with pytest.raises(BadEvent):
        await engine.send_many([Asked(text="a"), Event("test/asked", {"text": "x" * 600_000})])
    both = await engine.send_many([Asked(text="a"), Asked(text="b")])
    for sent in both:
        await engine.wait(sent.run_ids[0], 5)
    assert sorted(notes.lines) == ["a", "b"]


async def test_event_in_the_future_starts_its_run_then(start: Start) -> None:
    started: list[datetime] = []

    @job("later", on="later")
    async def later(_: JobContext[dict[str, int]]) -> None:
        started.append(datetime.now(UTC))  # noqa: TID251 - measures the engine

    engine = await start([later])
    at = datetime.now(UTC) + timedelta(seconds=0.6)  # noqa: TID251 - measures the engine
    sent = await engine.send(Event("later", ts=at))
    assert (await engine.run(sent.run_ids[0])).status == "scheduled"
    assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    assert timedelta(seconds=-0.01) <= started[0] - at < timedelta(seconds=1)


async def test_two_jobs_with_one_id_are_refused(start: Start) -> None:
    with pytest.raises(BadJob, match="note"):
        await start([note, note])


def test_cel_that_does_not_parse_is_refused_and_names_the_job() -> None:
    with pytest.raises(BadJob, match="broken-job"):

        @job("broken-job", on=On("a", when="event.data.x >"))
        async def broken(_: JobContext[dict[str, int]]) -> None:  # pyright: ignore[reportUnusedFunction] - it is never made
            """Never made."""


async def test_engine_that_is_not_running_says_so(start: Start) -> None:
    engine = await start([note], provide=[Notes()])
    await engine.__aexit__(None, None, None)
    with pytest.raises(Exception, match="async with engine"):
        await engine.send(Asked())


async def test_sender_without_workers_leaves_the_run_to_a_worker(start: Start) -> None:
    notes = Notes()
    sender: Engine = await start([note], provide=[notes], works=False)
    sent = await sender.send(Asked(text="later"))
    assert (await sender.run(sent.run_ids[0])).status == "queued"
    await sender.__aexit__(None, None, None)
    worker = await start([note], provide=[notes])
    assert (await worker.wait(sent.run_ids[0], 5)).status == "completed"
