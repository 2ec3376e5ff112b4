"""The end of a run that we store is to the installed version of DBOS as one of its own."""

import asyncio
from typing import Any

import sqlalchemy as sa

from engine import Database, StepFailed
from engine.dbos import dbos_rows
from tests.engine.dbos.rig import Rig

FAILURE = StepFailed("failing", "Broken", "text", attempts=1)


def rows(rig: Rig, table: str) -> list[dict[str, Any]]:
    schema = "dbos." if rig.pool.dialect.name == "postgresql" else ""
    query = sa.text(f"SELECT * FROM {schema}{table} ORDER BY workflow_uuid")  # noqa: S608 - ours
    with rig.pool.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


async def play(rig: Rig, run_id: str) -> None:
    rig.enqueue(run_id)
    await asyncio.wait({await rig.start(run_id)}, timeout=5)


async def test_end_that_we_store_is_as_one_that_dbos_stores(database: Database) -> None:
    async def body(payload: dict[str, Any]) -> str:
        if payload["run"].startswith("failed"):
            raise FAILURE
        return "x"

    async with Rig(database) as rig:
        rig.body, rig.ends.runs = body, {"done ours", "failed ours"}
        for run_id in ("done ours", "done theirs", "failed ours", "failed theirs"):
            await play(rig, run_id)
        assert [rig.row(run_id).status for run_id in sorted(rig.ends.runs)] == [
            "completed",
            "failed",
        ]
        assert rig.ends.heard == [
            *("done ours completed", "done ours committed"),
            *("failed ours failed", "failed ours committed"),
        ]
        outputs, statuses = rows(rig, "workflow_output"), rows(rig, "workflow_status")
    for ours, theirs in (outputs[:2], outputs[2:], statuses[:2], statuses[2:]):
        differ = {name for name in ours if ours[name] != theirs[name]}
        assert differ <= {
            *("workflow_uuid", "created_at", "updated_at", "started_at_epoch_ms", "completed_at"),
            *("inputs", "creator_xid", "retention_timestamp"),
        }
        assert {ours[name] is None for name in differ} <= {False}


async def test_nothing_is_settled_for_a_run_that_was_cancelled(database: Database) -> None:
    async def body(_: dict[str, Any]) -> str:
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.cancel(connection, ["r"])
        return "x"

    async with Rig(database) as rig:
        rig.body, rig.ends.runs = body, {"r"}
        await play(rig, "r")
        assert rig.ends.heard == ["r lost"]
        assert (rig.row("r").status, rig.row("r").output) == ("cancelled", None)


async def test_a_run_does_not_end_without_what_goes_with_it(database: Database) -> None:
    async def body(_: dict[str, Any]) -> str:
        return "x"

    async with Rig(database) as rig:
        rig.body, rig.ends.runs, rig.ends.fails = body, {"r"}, True
        await play(rig, "r")
        assert rig.ends.heard == ["r completed", "r failed"]  # it tries to store what was raised
        assert (rig.row("r").status, rig.row("r").output) == ("running", None)
