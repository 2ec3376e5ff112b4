"""Runs that old code has started go on with new code: steps are known by their ids."""

from collections.abc import Sequence
from typing import Any

from engine import Database, Engine, Job, JobContext, job
from tests.engine.things import Asked, Notes, until_waiting
from tests.support.waiting import until


async def step(ctx: JobContext[Any], step_id: str) -> str:
    async def note() -> str:
        ctx.need(Notes).write(step_id)
        return step_id

    return await ctx.step.run(step_id, note)


@job("order", on=Asked)
async def old_order(ctx: JobContext[Asked]) -> list[str]:
    done = [await step(ctx, "reserve"), *await ctx.step.parallel(lambda: step(ctx, "label"))]
    await step(ctx, "dropped later")
    return [*done, await ctx.step.wait_for_signal("paid", "paid"), await step(ctx, "ship")]


@job("order", on=Asked)
async def new_order(ctx: JobContext[Asked]) -> list[str]:
    done = [await step(ctx, "inserted first"), await step(ctx, "reserve")]
    done += await ctx.step.parallel(
        lambda: step(ctx, "label"), lambda: step(ctx, "one branch more")
    )
    paid = await ctx.step.wait_for_signal("paid", "paid")
    return [*done, paid, await step(ctx, "inserted last"), await step(ctx, "ship")]


def engine_with(jobs: Sequence[Job[Any, Any]], database: Database, notes: Notes) -> Engine:
    return Engine(jobs=jobs, database=database, provide=[notes], grace_s=0.1)


async def test_steps_that_a_deploy_inserts_or_drops_do_no_harm(database: Database) -> None:
    notes = Notes()
    async with engine_with([old_order], database, notes) as old:
        run_id = (await old.send(Asked())).run_ids[0]
        await until_waiting(old, run_id)
    assert notes.lines == ["reserve", "label", "dropped later"]
    async with engine_with([new_order], database, notes) as new:
        await until(lambda: {"inserted first", "one branch more"} <= set(notes.lines))
        await until_waiting(new, run_id)
        assert await new.send_signal("paid", "paid")
        assert await new.result(run_id, 5) == [
            "inserted first",
            "reserve",
            "label",
            "one branch more",
            "paid",
            "inserted last",
            "ship",
        ]
    assert sorted(notes.lines) == sorted(
        [
            "reserve",
            "label",
            "dropped later",
            "inserted first",
            "one branch more",
            "inserted last",
            "ship",
        ]
    )


async def test_runs_of_a_job_that_code_does_not_know_wait_for_code_that_does(
    database: Database,
) -> None:
    @job("other", on="test/other")
    async def other(ctx: JobContext[dict[str, Any]]) -> str:
        return await step(ctx, "other")

    notes = Notes()
    async with engine_with([old_order, other], database, notes) as before:
        run_id = (await before.send(Asked())).run_ids[0]
        await until_waiting(before, run_id)
    async with engine_with([other], database, notes) as without:
        sent = await without.trigger_many("other", [Asked()])
        assert await without.result(sent[0].run_ids[0], 5) == "other"
        assert (await without.run(run_id)).status == "queued"
    async with engine_with([new_order, other], database, notes) as again:
        await until_waiting(again, run_id)
        assert await again.send_signal("paid", "paid")
        assert (await again.wait(run_id, 5)).status == "completed"
    assert notes.lines.count("reserve") == 1


@job("rounds", on=Asked)
async def rounds_that_share(ctx: JobContext[Asked]) -> list[Any]:
    done = [await step(ctx, "turn"), await step(ctx, "turn")]
    done += await ctx.step.parallel(lambda: step(ctx, "turn"), lambda: step(ctx, "turn"))
    return [*done, await ctx.step.wait_for_signal("paid", "paid")]


@job("rounds", on=Asked)
async def rounds_with_one_more(ctx: JobContext[Asked]) -> list[Any]:
    done = [await step(ctx, "turn"), await step(ctx, "turn")]
    done += await ctx.step.parallel(lambda: step(ctx, "turn"), lambda: step(ctx, "turn"))
    return [*done, await ctx.step.wait_for_signal("paid", "paid"), await step(ctx, "turn:1")]


async def test_counted_names_of_old_runs_are_found_and_not_given_to_others(
    database: Database,
) -> None:
    notes = Notes()
    async with engine_with([rounds_that_share], database, notes) as old:
        run_id = (await old.send(Asked())).run_ids[0]
        await until_waiting(old, run_id)
    async with engine_with([rounds_with_one_more], database, notes) as new:
        await until_waiting(new, run_id)
        assert notes.lines == ["turn"] * 4
        assert await new.send_signal("paid", "paid")
        assert (await new.result(run_id, 5))[-1] == "turn:1"
        assert [each.step_id for each in await new.steps(run_id)] == [
            "turn",
            "turn:1",
            "1.0/turn",
            "1.1/turn",
            "paid",
            "turn:1:1",
        ]
