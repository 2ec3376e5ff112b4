"""What tests see and change in the tables of DBOS, behind the engine's back."""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from engine.dbos.private import system_database
from engine.dbos.states import opened

RUNS = "workflow_status"
"""The table of the states of runs, as plans and statements name it."""
RESULTS = "workflow_output"


def table_of_runs() -> sa.Table:
    return system_database().tables.workflow_status


def due_at(connection: sa.Connection, run_id: str) -> int:
    """Until when a run is delayed, in ms since the epoch."""
    run = table_of_runs().c
    query = sa.select(run.delay_until_epoch_ms).where(run.workflow_uuid == run_id)
    return connection.execute(query).scalar_one()


def put_ended(connection: sa.Connection, ended: Mapping[str, int]) -> None:
    """Runs that have been completed in no time at all, by id, in ms since the epoch."""
    rows = [
        {
            "workflow_uuid": run_id,
            "status": "SUCCESS",
            "name": "run",
            "created_at": at,
            "updated_at": at,
            "started_at_epoch_ms": at,
            "completed_at": at,
            "priority": 0,
        }
        for run_id, at in ended.items()
    ]
    connection.execute(sa.insert(table_of_runs()), rows)


def end_earlier(connection: sa.Connection, run_id: str, by_ms: int) -> None:
    """Make it look as if a run had ended so much before it did."""
    runs = table_of_runs()
    ended = sa.update(runs).where(runs.c.workflow_uuid == run_id)
    connection.execute(ended.values(completed_at=runs.c.completed_at - by_ms))


def replace_input(connection: sa.Connection, text: str) -> str:
    """Give the one run that is stored this input; what it had."""
    inputs = system_database().tables.workflow_input
    before: str = connection.execute(sa.select(inputs.c.inputs)).scalar_one()
    assert connection.execute(sa.update(inputs).values(inputs=text)).rowcount == 1
    return before


def give_to(connection: sa.Connection, run_id: str, executor_id: str) -> None:
    """Let another process have a run that executes here."""
    runs = table_of_runs()
    given = sa.update(runs).where(runs.c.workflow_uuid == run_id)
    connection.execute(given.values(executor_id=executor_id, owner_xid="its token"))


def change_records(
    connection: sa.Connection,
    changed: Callable[[str | None, str | None], tuple[str | None, str | None]],
) -> None:
    """Give every recorded step the output and the error, as JSON, that `changed` makes of them."""
    table = system_database().tables.operation_outputs
    key = (table.c.workflow_uuid, table.c.function_id)
    query = sa.select(*key, opened(table.c.output), opened(table.c.error))
    for run_id, number, output, error in connection.execute(query).all():
        new_output, new_error = changed(output, error)
        row = sa.and_(key[0] == run_id, key[1] == number)
        values = {"output": new_output, "error": new_error}
        connection.execute(sa.update(table).where(row).values(**values))
