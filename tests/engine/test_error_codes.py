"""Failures are told apart by the code of their class: in the job, its handler, and from outside."""

from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import Refused, Transient
from engine import (
    FAILED,
    Database,
    Engine,
    ErrorCause,
    FailureContext,
    JobContext,
    NonRetriable,
    RunError,
    RunFailed,
    StepFailed,
    job,
)
from engine.dbos import private
from engine.steps.history import record_attempt
from engine.steps.journal import BODY, FailedAttempt
from engine.storage import codec
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes, until_waiting
from tests.support.waiting import until


class OutOfPaper(Refused):
    code = "out_of_paper"


class Jammed(Transient):
    code = "jammed"


class Odd(Exception):
    """Its objects have a number of that name, which is no code."""

    def __init__(self) -> None:
        super().__init__("odd")
        self.code = 7


async def print_page() -> None:
    raise OutOfPaper("tray 2 is empty")


async def test_code_reaches_the_job_its_handler_and_whoever_looks(start: Start) -> None:
    notes = Notes()

    async def close(ctx: FailureContext[Asked]) -> None:
        notes.write(f"handler {ctx.error.code}")

    @job("prints", on=Asked, retries=QUICK, on_failure=close)
    async def prints(ctx: JobContext[Asked]) -> None:
        try:
            await ctx.step.run("print", print_page)
        except StepFailed as failed:
            notes.write(f"job {failed.code}")
            if ctx.attempt == 0:
                raise Jammed("once more") from failed
            raise

    @job("watch", on=FAILED)
    async def watch(ctx: JobContext[dict[str, Any]]) -> None:
        notes.write(f"event {ctx.event.data['error']['code']}")

    engine = await start([prints, watch])
    run_id = (await engine.send(Asked())).run_ids[0]
    with pytest.raises(RunFailed) as caught:
        await engine.result(run_id, 5)
    assert caught.value.code == "out_of_paper"
    await until(lambda: len(notes.lines) == 4)
    assert notes.lines[:2] == ["job out_of_paper"] * 2  # the second one is read back
    assert set(notes.lines[2:]) == {"handler out_of_paper", "event out_of_paper"}
    (step,) = await engine.steps(run_id)
    assert isinstance(step.error, StepFailed)
    assert step.error.code == "out_of_paper"


async def test_failed_attempts_keep_their_codes(start: Start) -> None:
    @job("jams", on=Asked, retries=QUICK)
    async def jams(ctx: JobContext[Asked]) -> None:
        async def turn() -> None:
            raise (Jammed("tray 2"), Odd(), OutOfPaper("tray 2"))[ctx.attempt]

        await ctx.step.run("turn", turn)

    engine = await start([jams])
    run_id = (await engine.send(Asked())).run_ids[0]
    assert (await engine.wait(run_id, 5)).status == "failed"
    (step,) = await engine.steps(run_id)
    assert [each.error_code for each in step.failed] == ["jammed", None]
    outcome = await TestEngine(jams, event=Asked()).execute()
    assert [each.error_code for each in outcome.steps["turn"].failed] == ["jammed", None]
    assert isinstance(outcome.error, RunFailed)
    assert outcome.error.code == "out_of_paper"


async def test_non_retriable_keeps_what_it_was_raised_from(start: Start) -> None:
    notes: list[ErrorCause | None] = []

    async def close(ctx: FailureContext[Asked]) -> None:
        notes.append(ctx.error.cause)

    @job("wraps", on=Asked, retries=QUICK, on_failure=close)
    async def wraps(ctx: JobContext[Asked]) -> None:
        async def turn() -> None:
            empty = OutOfPaper("tray 2 is empty")
            empty.__cause__ = KeyError("tray")
            raise NonRetriable("cannot print") from empty

        try:
            await ctx.step.run("turn", turn)
        except StepFailed as failed:
            notes.append(failed.cause)
            if ctx.attempt == 0:
                raise Jammed("once more") from failed
            raise

    cause = ErrorCause(
        "OutOfPaper", "tray 2 is empty", "out_of_paper", ErrorCause("KeyError", "'tray'")
    )
    engine = await start([wraps])
    run_id = (await engine.send(Asked())).run_ids[0]
    with pytest.raises(RunFailed) as caught:
        await engine.result(run_id, 5)
    assert caught.value.cause == cause
    await until(lambda: len(notes) == 3)
    assert notes == [cause] * 3


async def test_non_retriable_of_a_branch_keeps_its_cause() -> None:
    @job("branches", on=Asked)
    async def branches(ctx: JobContext[Asked]) -> None:
        async def branch() -> None:
            raise NonRetriable("cannot print") from OutOfPaper("tray 2 is empty")

        await ctx.step.parallel(branch)

    error = (await TestEngine(branches, event=Asked()).execute()).error
    assert isinstance(error, RunFailed)
    assert error.cause == ErrorCause("OutOfPaper", "tray 2 is empty", "out_of_paper")


def test_cause_may_be_given_as_in_inngest() -> None:
    error = NonRetriable("cannot print", cause=OutOfPaper("tray 2 is empty"))
    assert codec.cause_of(error) == ErrorCause("OutOfPaper", "tray 2 is empty", "out_of_paper")


async def test_body_that_fails_with_a_cause_is_announced_with_it(start: Start) -> None:
    @job("raises", on=Asked, retries=QUICK)
    async def raises(_: JobContext[Asked]) -> None:
        raise NonRetriable("cannot print") from OutOfPaper("tray 2 is empty")

    engine = await start([raises])
    info = await engine.wait((await engine.send(Asked())).run_ids[0], 5)
    assert isinstance(info.error, RunFailed)
    assert (info.error.code, info.error.cause) == (
        None,
        ErrorCause("OutOfPaper", "tray 2 is empty", "out_of_paper"),
    )


async def test_failure_that_a_dead_process_has_announced_keeps_its_code(database: Database) -> None:
    @job("waits", on=Asked)
    async def waits(ctx: JobContext[Asked]) -> None:
        await ctx.step.wait_for_signal("forever", "forever")

    async with Engine(jobs=[waits], database=database, grace_s=0.1) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await until_waiting(engine, run_id)
    pool = private.with_schema(database.connect())
    with pool.begin() as connection:
        last = FailedAttempt(run_id, BODY, 0, OutOfPaper("tray 2 is empty"), None)
        record_attempt(connection, last, 0)
    pool.dispose()
    async with Engine(jobs=[waits], database=database) as engine:
        with pytest.raises(RunFailed, match="tray 2 is empty") as caught:
            await engine.result(run_id, 5)
    assert (caught.value.name, caught.value.code) == ("OutOfPaper", "out_of_paper")


STORED_BEFORE = {
    '{"$error":{"kind":"StepFailed","step_id":"turn","name":"Jammed","message":"m","attempts":2}}',
    '{"$error":{"kind":"RunFailed","run_id":"r","name":"Jammed","message":"m","step_id":null}}',
    '{"$error":{"kind":"other","name":"Jammed","message":"m"}}',
}


@pytest.mark.parametrize("text", sorted(STORED_BEFORE))
def test_errors_that_were_stored_without_a_code_are_read(text: str) -> None:
    error = codec.loads(text)
    assert (error.name, error.message, error.code, error.cause) == ("Jammed", "m", None, None)
    assert codec.dumps(error) == text


def test_failure_that_was_announced_without_a_code_is_read() -> None:
    found = RunError.from_json({"name": "Jammed", "message": "m", "stepId": "turn"})
    assert found == RunError("Jammed", "m", "turn")


async def test_attempts_in_the_table_of_older_code_are_read(database: Database) -> None:
    @job("jams", on=Asked, retries=QUICK)
    async def jams(ctx: JobContext[Asked]) -> None:
        async def turn() -> None:
            if ctx.attempt == 0:
                raise Jammed("tray 2")

        await ctx.step.run("turn", turn)

    async def codes(engine: Engine, run_id: str) -> list[tuple[str, str | None]]:
        (step,) = await engine.steps(run_id)
        return [(each.error_name, each.error_code) for each in step.failed]

    async def run_one(engine: Engine) -> str:
        run_id = (await engine.send(Asked())).run_ids[0]
        assert (await engine.wait(run_id, 5)).status == "completed"
        return run_id

    async with Engine(jobs=[jams], database=database) as engine:
        before = await run_one(engine)
    pool = private.with_schema(database.connect())
    with pool.begin() as connection:
        connection.execute(sa.text("ALTER TABLE engine_attempt DROP COLUMN error_code"))
    pool.dispose()
    async with Engine(jobs=[jams], database=database) as engine:
        assert await codes(engine, before) == [("Jammed", None)]
        assert await codes(engine, await run_one(engine)) == [("Jammed", "jammed")]
