"""Steps that we record are to the installed version of DBOS as its own."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOS

from engine import Database, StepFailed
from engine.dbos import dbos_rows, private, recorded
from tests.engine.dbos.rig import Rig

FAILURE = StepFailed("failing", "Broken", "text", attempts=1)


async def test_steps_are_recorded_under_the_numbers_we_choose(database: Database) -> None:
    async def body(_: dict[str, Any]) -> str:
        assert private.current_run_id() == "r"
        rig.record(7, "seven", "y")
        rig.record(3, "three", "x")
        return "x"

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        await (await rig.start("r"))
        assert rig.recorded("r") == {"seven": 7, "three": 3}
        row = rig.row("r")
        assert (row.status, row.output, row.error) == ("completed", '"x"', None)
        assert row.ended_at is not None


async def test_small_results_come_with_the_recorded_steps_of_an_executing_run(
    database: Database,
) -> None:
    owners: list[str] = []

    async def body(_: dict[str, Any]) -> None:
        rig.record(1, "small", [1, 2])
        rig.record(2, "large", "x" * recorded.KEPT_LENGTH)
        rig.record(3, "failing", failure=FAILURE)
        owners.append(recorded.owner())
        await asyncio.Event().wait()

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        task = await rig.start("r")
        with rig.pool_with_schema.begin() as connection:
            steps = recorded.recorded_steps(connection, ["r", "unknown"])
            results = {step.name: step.result for step in steps}
            assert results["small"] is not None
            assert results["small"].value() == [1, 2]
            assert results["large"] is None
            large = recorded.read_result(connection, "r", 2, owners[0])
            assert large is not None
            assert large.value() == "x" * recorded.KEPT_LENGTH
            assert recorded.read_result(connection, "r", 4, owners[0]) is None
            assert results["failing"] is not None
            with pytest.raises(StepFailed, match="text"):
                results["failing"].value()
            dbos_rows.cancel(connection, ["r"])
            steps = recorded.recorded_steps(connection, ["r"])
            assert {step.name: step.result for step in steps} == dict.fromkeys(results)
            with pytest.raises(recorded.NotOurs):
                recorded.read_result(connection, "r", 2, owners[0])
        task.cancel()
        await asyncio.wait({task}, timeout=3)


async def test_step_that_we_record_is_as_one_that_dbos_records(database: Database) -> None:
    async def body(_: dict[str, Any]) -> None:
        async def theirs() -> dict[str, int]:
            return {"n": 1}

        async def failing() -> None:
            raise FAILURE

        await DBOS.reserve_step().run_async({"name": "theirs"}, theirs)
        with pytest.raises(StepFailed):
            await DBOS.reserve_step().run_async({"name": "theirs"}, failing)
        rig.record(3, "ours", {"n": 1})
        rig.record(4, "ours", failure=FAILURE)

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        await (await rig.start("r"))
        query = "SELECT * FROM operation_outputs ORDER BY function_id"
        if database.url.startswith("postgresql"):
            query = query.replace("operation_outputs", "dbos.operation_outputs")
        with rig.pool.connect() as connection:
            rows = [dict(row) for row in connection.execute(sa.text(query)).mappings()]
    assert [row.pop("function_id") for row in rows] == [1, 2, 3, 4]
    assert [row.pop("function_name") for row in rows] == ["theirs", "theirs", "ours", "ours"]
    stamps = [row.pop("retention_timestamp") for row in rows]
    assert max(stamps) - min(stamps) < 5_000
    assert [row.pop("started_at_epoch_ms") for row in rows[2:]] == [1_000, 1_000]
    assert [row.pop("completed_at_epoch_ms") for row in rows[2:]] == [2_000, 2_000]
    for row in rows[:2]:
        assert row.pop("started_at_epoch_ms") <= row.pop("completed_at_epoch_ms")
    assert rows[:2] == rows[2:]


async def test_second_try_of_a_record_changes_nothing_and_another_step_is_refused(
    database: Database,
) -> None:
    refused: list[str] = []

    async def body(_: dict[str, Any]) -> None:
        assert rig.record(1, "one", "x") <= rig.record(1, "one", "x")
        step = recorded.NewStep("r", recorded.owner(), "two", 1, "y", None, 1_000, 3_000)
        with (
            pytest.raises(RuntimeError, match="already") as caught,
            rig.pool_with_schema.begin() as connection,
        ):
            recorded.record(connection, step)
        refused.append(str(caught.value))

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        await (await rig.start("r"))
        assert rig.recorded("r") == {"one": 1}
    assert refused == ["run 'r' has recorded its step 1 already"]


async def test_nothing_is_recorded_for_a_run_that_was_cancelled_or_taken_over(
    database: Database,
) -> None:
    lost: list[str] = []

    async def body(_: dict[str, Any]) -> None:
        with rig.pool_with_schema.begin() as connection:
            recorded.check_owned(connection, "r", recorded.owner())
            for owner in ("another's", recorded.owner()):
                step = recorded.NewStep("r", owner, "one", 1, "x", None, 1_000, 2_000)
                with pytest.raises(recorded.NotOurs):
                    recorded.record(connection, step)
                with pytest.raises(recorded.NotOurs):
                    recorded.check_owned(connection, "r", owner)
                lost.append(owner)
                dbos_rows.cancel(connection, ["r"])

    async with Rig(database) as rig:
        rig.body = body
        rig.enqueue("r")
        await asyncio.wait({await rig.start("r")}, timeout=3)
        assert rig.recorded("r") == {}
    assert len(lost) == 2
