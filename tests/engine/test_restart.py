"""Leaving in good order, over and over; and runs that take their process down each time."""

import asyncio

import pytest

from engine import (
    CancelOn,
    Concurrency,
    Database,
    Engine,
    FailureContext,
    JobContext,
    Timeouts,
    job,
)
from engine.dbos import claiming, private
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn, until_waiting
from tests.support.waiting import until


async def note_failure(ctx: FailureContext[Asked]) -> None:
    ctx.need(Notes).write(f"{ctx.run_id} {ctx.error.name}")


@job("patient", on=Asked, on_failure=note_failure)
async def patient(ctx: JobContext[Asked]) -> str:
    async def once() -> str:
        ctx.need(Notes).write("once")
        return "x"

    await ctx.step.run("once", once)
    return await ctx.step.wait_for_signal("go", "go")


async def test_restarts_in_good_order_do_not_wear_a_run_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dbos.claiming.MAX_RECOVERIES", 2)
    notes, run_id = Notes(), ""
    for _ in range(5):
        async with Engine(jobs=[patient], database=database, provide=[notes], grace_s=0.1) as one:
            sent = await one.send(Asked(), event_id="e")
            run_id = sent.run_ids[0]
            async with asyncio.timeout(5):
                while not (one.live_runs() and await one.is_waiting(run_id)):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
    async with Engine(jobs=[patient], database=database, provide=[notes]) as last:
        async with asyncio.timeout(5):
            while not await last.send_signal("go", "done"):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert await last.result(run_id, 5) == "done"
    assert notes.lines == ["once"]


async def test_run_that_dies_too_often_fails_and_says_so(
    start: Start, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dbos.claiming.MAX_RECOVERIES", 0)
    notes = Notes()
    sender = await start([patient], provide=[notes], works=False, executor_id="mortal")
    sent = await sender.send(Asked())
    # Claimed, and never heard of again.
    pool = private.with_schema(database.connect())
    with pool.begin() as connection:
        claiming.claim(connection, "job:patient", 1, claiming.new_owner())
    pool.dispose()
    await sender.__aexit__(None, None, None)
    heir = await start([patient], provide=[notes], executor_id="mortal")
    assert (await heir.wait(sent.run_ids[0], 5)).status == "failed"
    await until(lambda: notes.lines == [f"{sent.run_ids[0]} TooManyRecoveries"])


@job("limited", on=Asked, concurrency=[Concurrency(limit=1)])
async def limited(ctx: JobContext[Asked]) -> str:
    async def work() -> str:
        ctx.need(Notes).write(ctx.event.data.text)
        if ctx.event.data.text == "stuck":
            await asyncio.Event().wait()
        return ctx.event.data.text

    return await ctx.step.run("work", work)


async def test_run_that_dies_too_often_leaves_its_place_to_others(
    start: Start, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dbos.claiming.MAX_RECOVERIES", 0)
    notes = Notes()
    sender = await start([limited], provide=[notes], works=False, executor_id="mortal")
    first = await sender.send(Asked(text="a"))
    pool = private.with_schema(database.connect())
    with pool.begin() as connection:
        claiming.claim(connection, "job:limited", 1, claiming.new_owner())
    pool.dispose()
    await sender.__aexit__(None, None, None)
    heir = await start([limited], provide=[notes], executor_id="mortal")
    assert (await heir.wait(first.run_ids[0], 5)).status == "failed"
    second = await heir.send(Asked(text="b"))
    assert await heir.result(second.run_ids[0], 5) == "b"


async def test_run_that_is_cancelled_after_it_was_handed_over_leaves_its_place_to_others(
    database: Database,
) -> None:
    notes = Notes()
    leaves = Engine(
        jobs=[limited], database=database, provide=[notes], executor_id="one", grace_s=0.1
    )
    async with leaves:
        first = await leaves.send(Asked(text="stuck"))
        await until(lambda: notes.lines == ["stuck"])
    async with Engine(jobs=[limited], database=database, works=False, executor_id="two") as sender:
        assert await sender.cancel(first.run_ids[0])
    async with Engine(
        jobs=[limited], database=database, provide=[notes], executor_id="three", grace_s=0.1
    ) as heir:
        second = await heir.send(Asked(text="b"))
        assert await heir.result(second.run_ids[0], 5) == "b"


@job(
    "withdrawable",
    on=Asked,
    cancel_on=[CancelOn(Withdrawn, match="data.questionId")],
    timeouts=Timeouts(finish="60s"),
    concurrency=[Concurrency(limit=1)],
)
async def withdrawable(ctx: JobContext[Asked]) -> str:
    return await ctx.step.wait_for_signal("go", "go")


async def test_a_run_that_was_handed_over_is_still_cancelled_by_its_event(
    database: Database,
) -> None:
    async with Engine(jobs=[withdrawable], database=database, grace_s=0.1) as one:
        run_id = (await one.send(Asked(question_id="q"))).run_ids[0]
        await until_waiting(one, run_id)
    async with Engine(jobs=[withdrawable], database=database, grace_s=0.1) as heir:
        await until_waiting(heir, run_id)
        await heir.send(Withdrawn(question_id="q"))
        assert (await heir.wait(run_id, 5)).status == "cancelled"
