"""The states of runs that the engine names are those that the installed DBOS stores."""

import asyncio
from typing import Any, get_args

import sqlalchemy as sa
from dbos._sys_db import WorkflowStatusString, workflow_is_active

from engine import Database, StepFailed
from engine.dbos import dbos_rows
from engine.dbos.states import ACTIVE, STORED, run_states
from engine.status import ENDED, RunStatus
from tests.engine.dbos.rig import Rig

FAILURE = StepFailed("failing", "Broken", "text", attempts=1)
WANTED: dict[str, RunStatus] = {
    "ends": "completed",
    "fails": "failed",
    "runs": "running",
    "waits": "queued",
    "later": "scheduled",
    "given up": "cancelled",
}
ACTIVE_RUNS = {"runs", "waits", "later"}


def test_every_state_of_dbos_has_a_name_of_ours() -> None:
    stored = {each.value for each in WorkflowStatusString}
    assert set(STORED) == stored
    assert set(STORED.values()) == set(get_args(RunStatus))
    assert set(ACTIVE) == {each for each in stored if workflow_is_active(each)}
    assert {STORED[each] for each in ACTIVE} == set(get_args(RunStatus)) - ENDED


async def test_states_of_runs_are_read_in_our_words(database: Database) -> None:
    async def body(given: dict[str, str]) -> str:
        if given["run"] == "fails":
            raise FAILURE
        return "done"

    async with Rig(database) as rig:
        rig.body = body
        for run_id in ("ends", "fails"):
            rig.enqueue(run_id)
            await asyncio.wait({await rig.start(run_id)}, timeout=5)
        rig.enqueue("runs")
        await rig.claim(1)
        rig.enqueue("waits")
        rig.enqueue("later", delay_s=60)
        rig.enqueue("given up")
        with rig.pool_with_schema.begin() as connection:
            dbos_rows.cancel(connection, ["given up"])
            found = {row.of: row for row in connection.execute(states_of(list(WANTED)))}
        assert {run_id: rig.row(run_id).status for run_id in WANTED} == WANTED
    assert {run_id: row.status for run_id, row in found.items()} == WANTED
    assert {run_id for run_id, row in found.items() if row.is_active} == ACTIVE_RUNS
    assert {run_id for run_id, row in found.items() if row.ended_at is None} == ACTIVE_RUNS
    assert [run_id for run_id, row in found.items() if row.error is not None] == ["fails"]
    assert found["runs"].started_at is not None
    assert found["waits"].started_at is None


def states_of(run_ids: list[str]) -> sa.Select[Any]:
    """The states of these runs, joined to a table of ours."""
    ours = sa.union_all(*(sa.select(sa.literal(each).label("of")) for each in run_ids)).subquery()
    states, of = run_states(), ours.c.of
    columns: list[sa.ColumnElement[Any]] = [
        of,
        states.status,
        states.is_active.label("is_active"),
        states.started_at,
        states.ended_at,
        states.error,
    ]
    return sa.select(*columns).select_from(states.join_ends(states.join(ours, of), of))
