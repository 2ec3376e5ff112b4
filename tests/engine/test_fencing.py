"""A run that another process has taken over: what the first one does with it counts for nothing."""

import asyncio
import time
from collections.abc import Generator
from typing import Any

import pytest

from core.ids import RunId
from engine import (
    FINISHED,
    CancelOn,
    Database,
    Engine,
    Event,
    FailureContext,
    Job,
    JobContext,
    NonRetriable,
    PostgresDatabase,
    RetryPolicy,
    job,
)
from engine.dbos import claiming, dbos_rows, private
from engine.errors import RunLost
from engine.events import INVOKED
from engine.steps.dbos_journal import TRUSTED_S
from engine.steps.waits import Waits
from engine.storage import tables
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes, Withdrawn, until_waiting
from tests.support.dbos.rows import give_to
from tests.support.waiting import until

FAR_MS = 4_000_000_000_000  # in the year 2096: nobody takes it for dead


class Thief:
    """Takes runs over, as another process does that thinks this one dead."""

    def __init__(self, database: Database) -> None:
        self._pool = private.with_schema(database.connect())
        self.taken: list[str] = []

    def take(self, run_id: str) -> None:
        with self._pool.begin() as connection:
            give_to(connection, run_id, "another")
            alive = {"executor_id": "another", "beat_at": FAR_MS, "lease_ms": FAR_MS}
            tables.insert_new(connection, tables.worker, alive)
        self.taken.append(run_id)

    def cancel(self, run_id: str) -> None:
        with self._pool.begin() as connection:
            dbos_rows.cancel(connection, [run_id])
        self.taken.append(run_id)

    def give_back(self, executor_id: str) -> None:
        with self._pool.begin() as connection:
            claiming.recover(connection, [executor_id])

    def close(self) -> None:
        self._pool.dispose()


@pytest.fixture
def thief(database: Database) -> Generator[Thief]:
    found = Thief(database)
    yield found
    found.close()


async def noted(ctx: FailureContext[Asked]) -> None:
    ctx.need(Notes).write(f"failed: {ctx.error.name}")


async def left_alone(engine: Engine, thief: Thief, run_id: str) -> None:
    """Wait until this process has let go of the run, and see that it is as it was."""
    await until(lambda: run_id in thief.taken and not engine.live_runs())
    detail = await engine.inspect.run(run_id)
    assert detail.info.status == "running"
    assert detail.steps == ()
    assert detail.retrying == ()
    events = await engine.inspect.events()
    assert [each.event.name for each in events.items] == ["test/asked"]
    assert len(await engine.runs()) == 1


async def test_failure_of_a_run_that_was_taken_over_is_not_announced(
    start: Start, thief: Thief
) -> None:
    @job("failing", on=Asked, on_failure=noted)
    async def failing(ctx: JobContext[Asked]) -> None:
        thief.take(ctx.run_id)
        raise NonRetriable("too late")

    notes = Notes()
    engine = await start([failing], provide=[notes])
    sent = await engine.send(Asked())
    await left_alone(engine, thief, sent.run_ids[0])
    assert notes.lines == []


@pytest.mark.parametrize("retries", [QUICK, RetryPolicy(max_attempts=1)])
async def test_attempts_of_a_run_that_was_taken_over_do_not_count(
    start: Start, thief: Thief, retries: RetryPolicy
) -> None:
    @job("retrying", on=Asked, on_failure=noted, retries=retries)
    async def retrying(ctx: JobContext[Asked]) -> None:
        async def fails() -> None:
            thief.take(ctx.run_id)
            raise ConnectionError("too late")

        await ctx.step.run("fails", fails)

    notes = Notes()
    engine = await start([retrying], provide=[notes])
    sent = await engine.send(Asked())
    await left_alone(engine, thief, sent.run_ids[0])
    assert notes.lines == []


async def test_body_attempts_of_a_run_that_was_taken_over_do_not_count(
    start: Start, thief: Thief
) -> None:
    @job("broken", on=Asked, on_failure=noted, retries=QUICK)
    async def broken(ctx: JobContext[Asked]) -> None:
        thief.take(ctx.run_id)
        raise ConnectionError("too late")

    notes = Notes()
    engine = await start([broken], provide=[notes])
    sent = await engine.send(Asked())
    await left_alone(engine, thief, sent.run_ids[0])
    assert notes.lines == []


async def test_waits_of_a_run_that_was_taken_over_take_nothing(start: Start, thief: Thief) -> None:
    @job("waiting", on=Asked, on_failure=noted)
    async def waiting(ctx: JobContext[Asked]) -> None:
        thief.take(ctx.run_id)
        await ctx.step.wait_for_signal("go", "go")

    notes = Notes()
    engine = await start([waiting], provide=[notes])
    sent = await engine.send(Asked())
    await left_alone(engine, thief, sent.run_ids[0])
    assert not await engine.send_signal("go")
    assert notes.lines == []


async def test_end_of_a_run_that_was_taken_over_is_not_announced(
    start: Start, thief: Thief
) -> None:
    @job("ending", on=Asked)
    async def ending(ctx: JobContext[Asked]) -> str:
        thief.take(ctx.run_id)
        return "too late"

    @job("listener", on=FINISHED)
    async def listener(ctx: JobContext[dict[str, Any]]) -> None:
        ctx.need(Notes).write(f"heard of {ctx.event.data['runId']}")

    notes = Notes()
    engine = await start([ending, listener], provide=[notes])
    sent = await engine.send(Asked())
    await left_alone(engine, thief, sent.run_ids[0])
    assert notes.lines == []


async def test_run_that_is_claimed_again_by_the_process_that_had_it_is_answered(
    start: Start, thief: Thief
) -> None:
    @job("back", on=Asked)
    async def back(ctx: JobContext[Asked]) -> str:
        ctx.need(Notes).write("began")
        return await ctx.step.wait_for_signal("go", "go")

    notes = Notes()
    engine = await start([back], provide=[notes])
    sent = await engine.send(Asked())
    await until_waiting(engine, sent.run_ids[0])
    thief.give_back(engine.executor_id)
    await until(lambda: notes.lines == ["began", "began"])
    assert await engine.send_signal("go", "gone")
    assert await engine.result(sent.run_ids[0], 5) == "gone"


async def test_wait_that_unwinds_leaves_the_later_one_of_the_same_step_alone() -> None:
    waits, key = Waits(), ("run", "step")
    earlier, later = waits.expect(key), waits.expect(key)
    waits.expect_no_more(key, earlier)
    waits.wake([key])
    async with asyncio.timeout(1):
        await later.until(60)


async def run_until_taken(fn: Job[Any, Any], database: PostgresDatabase, thief: Thief) -> None:
    """Start the job here, and wait until this process has let go of its run."""
    async with Engine(jobs=[fn], database=database) as engine:
        await engine.send(Asked())
        await until(lambda: bool(thief.taken) and not engine.live_runs())
    thief.close()


async def test_process_that_was_stopped_between_two_steps_does_not_start_the_next(
    postgres: PostgresDatabase,
) -> None:
    thief, notes = Thief(postgres), Notes()

    @job("slow", on=Asked)
    async def slow(ctx: JobContext[Asked]) -> None:
        async def note() -> None:
            notes.write("done")

        await ctx.step.run("before", note)
        thief.take(ctx.run_id)
        time.sleep(TRUSTED_S)  # noqa: ASYNC251 - as SIGSTOP does
        await ctx.step.run("after", note)

    await run_until_taken(slow, postgres, thief)
    assert notes.lines == ["done"]


async def test_process_that_was_stopped_while_it_backed_off_does_not_try_again(
    postgres: PostgresDatabase,
) -> None:
    thief, notes = Thief(postgres), Notes()

    @job("slow", on=Asked, retries=RetryPolicy(max_attempts=3, min_timeout=0.3, randomize=False))
    async def slow(ctx: JobContext[Asked]) -> None:
        async def fails() -> None:
            notes.write("tried")
            asyncio.get_running_loop().call_later(0.1, thief.take, ctx.run_id)
            raise ConnectionError

        await ctx.step.run("fails", fails)

    await run_until_taken(slow, postgres, thief)
    assert notes.lines == ["tried"]


async def test_stopped_run_starts_no_child_and_sends_nothing(start: Start, thief: Thief) -> None:
    """Its statements may still be on the way when the run has been cancelled, or taken over."""

    @job("child", on="test/never")
    async def child(ctx: JobContext[dict[str, Any]]) -> None: ...

    @job("parent", on=Asked)
    async def parent(ctx: JobContext[Asked]) -> None:
        lose = thief.take if ctx.event.data.text == "taken" else thief.cancel

        async def late() -> None:
            lose(ctx.run_id)
            await ctx.step.outside.send_as(ctx.run_id, "s", [Event("test/late", {})])

        async def too_late() -> None:
            await ctx.step.outside.start_child(
                ctx.run_id, RunId("c"), "child", Event(INVOKED, {}, "c")
            )

        for do in (late, too_late):
            with pytest.raises(RunLost):
                await do()
            ctx.need(Notes).write(do.__name__)
        raise asyncio.CancelledError

    notes = Notes()
    engine = await start([parent, child], provide=[notes])
    for text in ("cancelled", "taken"):
        await engine.send(Asked(text=text))
    await until(lambda: len(notes.lines) == 4 and not engine.live_runs())
    events = await engine.inspect.events()
    assert {each.event.name for each in events.items} == {"test/asked"}
    assert {run.job_id for run in await engine.runs()} == {"parent"}


async def test_run_may_cancel_itself_with_an_event_that_it_sends(start: Start) -> None:
    notes = Notes()

    @job("self", on=Asked, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
    async def by_itself(ctx: JobContext[Asked]) -> None:
        await ctx.step.send_event("stop", Withdrawn(question_id=ctx.event.data.question_id))
        ctx.need(Notes).write("went on")

    engine = await start([by_itself], provide=[notes])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "cancelled"
    assert notes.lines == []
