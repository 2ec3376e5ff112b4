"""A database of version 2 is read, and its runs go on: steps had no kinds, attempts no starts."""

import asyncio

import sqlalchemy as sa

from engine import Database, Engine, JobContext, StepFailed, job
from engine.inspection import Inspection
from engine.inspection.timeline import StepLine
from engine.storage import codec
from tests.engine.things import QUICK, Asked, Withdrawn, beside
from tests.support.dbos.rows import change_records


@job("broken-child", on="child/wanted", retries=0)
async def broken_child(_: JobContext[dict[str, object]]) -> None:
    raise LookupError("no such book")


@job("old", on=Asked, retries=QUICK)
async def old(ctx: JobContext[Asked]) -> str:
    tried = 0

    async def flaky() -> int:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise ConnectionError("first time")
        return 5

    flaked = await ctx.step.run("flaky", flaky)
    await ctx.step.sleep("nap", 0.01)
    await ctx.step.send_event("tell", {"name": "told", "data": {}})
    try:
        await ctx.step.invoke("ask", broken_child)
    except StepFailed as failed:
        flaked += len(failed.step_id)
    late = await ctx.step.wait_for_event("late", "never", timeout=0.01)
    came = await ctx.step.wait_for_event("came", Withdrawn, timeout="1h")
    assert came is not None
    return f"{flaked} {late} {came.data.question_id}"


def as_version_2(connection: sa.Connection) -> None:
    """Take from the rows what version 3 has added to them."""
    for table, column in (
        ("engine_attempt", "started_at"),
        ("engine_attempt", "error_stack"),
        ("engine_run", "started_at"),
        ("engine_wait", "opened_at"),
    ):
        connection.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    connection.execute(sa.text("DROP TABLE engine_working"))
    connection.execute(sa.text("DROP TABLE engine_effect"))
    connection.execute(sa.text("UPDATE engine_schema SET version = 2"))


def without_kind(output: str | None, error: str | None) -> tuple[str | None, str | None]:
    """The record of a step as old code has made it."""
    found = None if output is None else codec.loads(output)
    if isinstance(found, codec.Recorded) and found.kind != "run":
        output = codec.dumps(found.output)
    failure = None if error is None else codec.loads(error)
    if isinstance(failure, StepFailed):
        failure.kind = None
        error = codec.dumps(failure)
    return output, error


async def waits_for(engine: Engine, step_id: str) -> bool:
    return any(wait.step_id == step_id for wait in (await engine.inspect.waits()).items)


async def lines_of(inspect: Inspection, run_id: str) -> dict[str, StepLine]:
    return {line.step_id: line for line in (await inspect.run(run_id)).time_line}


async def test_version_2_is_read_and_its_runs_go_on(database: Database) -> None:
    jobs = [old, broken_child]
    async with Engine(jobs=jobs, database=database, grace_s=0.2) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        async with asyncio.timeout(10):
            while not await waits_for(engine, "came"):  # noqa: ASYNC110 - a row appears
                await asyncio.sleep(0.01)
        with beside(database) as connection:
            change_records(connection, without_kind)
    with beside(database) as connection:
        as_version_2(connection)
    async with Engine(jobs=jobs, database=database, grace_s=0.2) as engine:
        lines = await lines_of(engine.inspect, run_id)
        assert {name: line.kind for name, line in lines.items()} == {
            "flaky": "run",
            "nap": "sleep",
            "tell": "send_event",
            "ask": "invoke",
            "late": None,
            "came": "wait_for_event",
        }
        assert [line.status for line in lines.values()] == [
            "completed",
            "completed",
            "completed",
            "failed",
            "completed",
            "waiting",
        ]
        first, last = lines["flaky"].tries
        assert (first.started_at, last.error) == (lines["flaky"].started_at, None)
        [listed] = (await engine.inspect.runs(limit=1)).items
        assert listed.started_at == (await engine.inspect.run(listed.run_id)).info.started_at
        await engine.send(Withdrawn(question_id="q7"))
        assert await engine.result(run_id, 10) == "8 None q7"
        lines = await lines_of(engine.inspect, run_id)
        assert (lines["came"].kind, lines["came"].ended_by) == ("wait_for_event", "event")
