"""Many at once: bulk cancellation by job, time and CEL; triggering a job with many data."""

import asyncio
from datetime import UTC, datetime

import pytest

from core.clock import ManualClock
from engine import BadEvent, BadExpression, Event, JobContext, NoSuchJob, RateLimit, job
from engine.intake import cancel_many as cancelling
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes
from tests.support.waiting import until


@job("long", on=Asked)
async def long(ctx: JobContext[Asked]) -> str:
    await ctx.step.sleep("nap", "1h")
    return ctx.event.data.text


@job("other", on=Asked)
async def other(ctx: JobContext[Asked]) -> None:
    await ctx.step.sleep("nap", "1h")


async def test_bulk_cancel_takes_the_runs_of_one_job_for_which_the_expression_holds(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "PAGE", 2)
    engine = await start([long, other])
    sent = await engine.send_many([Asked(text=text) for text in "xyxyx"])
    cancelled = await engine.cancel_many(long, when="event.data.text == 'x'")
    wanted = {f"long:{one.event_id}" for one in sent[::2]}
    assert set(cancelled) == wanted
    assert {run.run_id for run in await engine.runs(status="cancelled")} == wanted
    assert set(await engine.cancel_many("long")) == {f"long:{one.event_id}" for one in sent[1::2]}
    assert await engine.cancel_many("long") == []
    assert {run.job_id for run in await engine.runs(status="cancelled")} == {"long"}


async def test_bulk_cancel_keeps_to_the_span_of_time(start: Start) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    engine = await start([long], clock=clock, works=False)
    runs: list[str] = []
    times: list[datetime] = []
    for _ in range(3):
        times.append(clock.now())
        runs += (await engine.send(Asked())).run_ids
        clock.advance(60)
    assert await engine.cancel_many(long, after=times[1], before=times[2]) == [runs[1]]
    assert await engine.cancel_many(long, before=times[1]) == [runs[0]]
    assert await engine.cancel_many(long, after=times[2]) == [runs[2]]


async def test_bulk_cancel_interrupts_running_steps(start: Start) -> None:
    notes = Notes()

    @job("busy", on=Asked)
    async def busy(ctx: JobContext[Asked]) -> None:
        async def forever() -> None:
            notes.write("in")
            try:
                await asyncio.Event().wait()
            finally:
                notes.write("out")

        await ctx.step.run("forever", forever)

    engine = await start([busy])
    await engine.send_many([Asked(), Asked()])
    await until(lambda: notes.lines == ["in", "in"])
    assert len(await engine.cancel_many(busy)) == 2
    assert notes.lines == ["in", "in", "out", "out"]


async def test_bulk_cancel_with_what_is_not_cel_is_refused(start: Start) -> None:
    engine = await start([long])
    with pytest.raises(BadExpression, match="not a CEL"):
        await engine.cancel_many(long, when="event.data.(")


async def test_batch_trigger_starts_one_run_for_each_datum_of_that_job_alone(start: Start) -> None:
    @job("echo", on=Asked)
    async def echo(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text

    engine = await start([echo, other])
    sent = await engine.trigger_many(echo, [Asked(text=text) for text in "abc"])
    assert [await engine.result(one.run_ids[0], 5) for one in sent] == ["a", "b", "c"]
    assert {run.job_id for run in await engine.runs()} == {"echo"}
    keyed = [Event("", {"questionId": "q", "text": "k"}, id="k")] * 2
    first, second = await engine.trigger_many("echo", keyed)
    assert second.duplicate
    assert first.run_ids == second.run_ids
    assert await engine.result(first.run_ids[0], 5) == "k"


async def test_batch_trigger_starts_nothing_when_one_datum_does_not_fit(start: Start) -> None:
    engine = await start([long])
    with pytest.raises(BadEvent, match="questionId"):
        await engine.trigger_many(long, [Asked(), Event("", {"questionId": 7})])
    with pytest.raises(NoSuchJob):
        await engine.trigger_many("nobody", [Asked()])
    assert await engine.runs() == []


async def test_flow_control_applies_to_a_batch_trigger(start: Start) -> None:
    @job("rated", on=Asked, rate_limit=RateLimit(2, "1m"))
    async def rated(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([rated])
    sent = await engine.trigger_many(rated, [Asked() for _ in range(3)])
    assert [len(one.run_ids) for one in sent] == [1, 1, 0]
