"""The tables of DBOS, read and written in transactions of our own, where its API has its own.

`tests/engine/dbos/test_private.py` holds each name against the installed version.
"""
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - as in private.py

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from dbos._utils import GlobalParams

from engine.dbos.private import system_database
from engine.dbos.starts import keep_starts
from engine.dbos.states import ACTIVE, STORED, Status, opened
from engine.status import RunStatus


def queues_with_work(connection: sa.Connection, names: Sequence[str]) -> list[str]:
    """Which of these queues hold enqueued runs, in one query."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.queue_name)
        .where(status.status == "ENQUEUED", status.queue_name.in_(names))
        .distinct()
    )
    return list(connection.execute(query).scalars())


def next_delayed_ms(connection: sa.Connection) -> int | None:
    """When the next delayed run is due, in ms since the epoch."""
    status = system_database().tables.workflow_status.c
    query = sa.select(sa.func.min(status.delay_until_epoch_ms)).where(status.status == "DELAYED")
    return connection.execute(query).scalar()


def hold_active(connection: sa.Connection, run_ids: Sequence[str]) -> list[str]:
    """Which of these runs have not ended, held so until the caller's transaction ends."""
    _take_write_lock(connection)
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.workflow_uuid)
        .where(status.workflow_uuid.in_(run_ids), status.status.in_(ACTIVE))
        .order_by(status.workflow_uuid)
        .with_for_update()
    )
    return list(connection.execute(query).scalars())


def cancel(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Cancel runs that are held as active, as `DBOS.cancel_workflows` does by itself."""
    database = system_database()
    status = database.tables.workflow_status
    now = database._now_ms_sql()
    keep_starts(connection, status.c.workflow_uuid.in_(run_ids), status)
    statement = (
        sa.update(status)
        .where(status.c.workflow_uuid.in_(run_ids))
        .values(
            status="CANCELLED",
            owner_xid=None,
            queue_name=None,
            deduplication_id=None,
            started_at_epoch_ms=None,
            updated_at=now,
            completed_at=now,
        )
    )
    connection.execute(statement)


def were_executing_in(
    connection: sa.Connection, run_ids: Sequence[str], executor_ids: Sequence[str]
) -> list[str]:
    """Which of these runs, that have just been cancelled, these processes were executing."""
    status = system_database().tables.workflow_status.c
    query = sa.select(status.workflow_uuid).where(
        status.workflow_uuid.in_(run_ids), status.executor_id.in_(executor_ids)
    )
    return list(connection.execute(query).scalars())


def is_delayed(connection: sa.Connection, run_id: str) -> bool:
    """Whether a run still waits for its delay, held so until the caller's transaction ends."""
    status = system_database().tables.workflow_status
    query = sa.select(status.c.status).where(status.c.workflow_uuid == run_id).with_for_update()
    return connection.execute(query).scalar() == "DELAYED"


def delay_until(connection: sa.Connection, run_id: str, at_ms: int) -> None:
    """Give a delayed run another time; DBOS can only do so in a transaction of its own."""
    status = system_database().tables.workflow_status
    connection.execute(
        sa.update(status)
        .where(status.c.workflow_uuid == run_id, status.c.status == "DELAYED")
        .values(delay_until_epoch_ms=at_ms)
    )


def end_delay(connection: sa.Connection, run_id: str) -> None:
    """Enqueue a delayed run now, as `transition_delayed_workflows` does when its time has come."""
    status = system_database().tables.workflow_status
    connection.execute(
        sa.update(status)
        .where(status.c.workflow_uuid == run_id, status.c.status == "DELAYED")
        .values(status="ENQUEUED")
    )


def copy_steps(connection: sa.Connection, source: str, target: str, numbers: Sequence[int]) -> None:
    """Give an enqueued run recorded steps of another, as `fork_workflow` does up to one number."""
    database = system_database()
    status, outputs = database.tables.workflow_status, database.tables.operation_outputs
    connection.execute(
        sa.update(status).where(status.c.workflow_uuid == target).values(forked_from=source)
    )
    columns = [
        sa.literal(target).label(column.name) if column.name == "workflow_uuid" else column
        for column in outputs.c
    ]
    connection.execute(
        sa.insert(outputs).from_select(
            [column.name for column in outputs.c],
            sa.select(*columns).where(
                outputs.c.workflow_uuid == source, outputs.c.function_id.in_(numbers)
            ),
        )
    )


def active_runs() -> sa.Select[tuple[str]]:
    """The ids of runs that have not ended, as a subquery."""
    return _runs_with(ACTIVE)


def runs_not_ended_before(before_ms: int) -> sa.Select[tuple[str]]:
    """The ids of runs that have not ended, or not before a time, as a subquery."""
    status = system_database().tables.workflow_status.c
    return sa.select(status.workflow_uuid).where(
        sa.or_(status.status.in_(ACTIVE), status.completed_at >= before_ms)
    )


def _take_write_lock(connection: sa.Connection) -> None:
    """Let nobody else write between a look and what the caller writes after it.

    SQLite only, where a row cannot be locked: pysqlite begins a transaction with the first write,
    so another writer's commit could come between.
    """
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def goes_on_without(connection: sa.Connection, run_id: str, owner: str) -> bool:
    """Whether the run waits in its queue, or executes by another claim than this one."""
    status = system_database().tables.workflow_status.c
    query = sa.select(status.status, status.owner_xid).where(status.workflow_uuid == run_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return False
    return row[0] in {"ENQUEUED", "DELAYED"} or (row[0] == "PENDING" and row[1] != owner)


def owns(connection: sa.Connection, run_id: str) -> bool:
    """Whether the run executes in this process, held so until the caller's transaction ends."""
    _take_write_lock(connection)
    return _executor(connection, run_id, shared=False) == GlobalParams.executor_id


def holds(connection: sa.Connection, run_id: str) -> bool:
    """As `owns`, for what is not written: others may look at the same time, who cancels waits."""
    return _executor(connection, run_id, shared=True) == GlobalParams.executor_id


def _executor(connection: sa.Connection, run_id: str, *, shared: bool) -> str | None:
    """The process in which a run executes; a run that was taken over executes in another one."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.executor_id)
        .where(status.workflow_uuid == run_id, status.status == "PENDING")
        .with_for_update(read=shared)
    )
    return connection.execute(query).scalar()


@dataclass(frozen=True)
class RunRow:
    """What DBOS knows of a run; times are ms since the epoch."""

    status: RunStatus
    created_at: int
    started_at: int | None
    ended_at: int | None
    output: str | None
    error: str | None
    executor_id: str | None
    """The process that executes it, or did last."""
    delayed_until: int | None


def run_row(connection: sa.Connection, run_id: str) -> RunRow | None:
    """Read a run in one query; DBOS's public call takes three and a transaction of its own."""
    tables = system_database().tables
    status, output = tables.workflow_status.c, tables.workflow_output.c
    query = (
        sa.select(
            sa.type_coerce(status.status, Status),
            status.created_at,
            status.started_at_epoch_ms,
            status.completed_at,
            opened(sa.func.coalesce(output.output, status.output)),
            opened(sa.func.coalesce(output.error, status.error)),
            status.executor_id,
            status.delay_until_epoch_ms,
        )
        .select_from(
            tables.workflow_status.outerjoin(
                tables.workflow_output, output.workflow_uuid == status.workflow_uuid
            )
        )
        .where(status.workflow_uuid == run_id)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else RunRow(*row)


def still_held(connection: sa.Connection, executor_id: str, run_ids: Sequence[str]) -> set[str]:
    """Which of these runs are executing and belong to this process."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.workflow_uuid)
        .where(status.workflow_uuid.in_(run_ids))
        .where(status.status == "PENDING", status.executor_id == executor_id)
    )
    return set(connection.execute(query).scalars())


def all_held(connection: sa.Connection, executor_id: str) -> set[str]:
    """The runs that belong to this process, those that sleep or wait included."""
    status = system_database().tables.workflow_status.c
    query = sa.select(status.workflow_uuid).where(
        status.status == "PENDING", status.executor_id == executor_id
    )
    return set(connection.execute(query).scalars())


def executors_besides(connection: sa.Connection, alive: Sequence[str]) -> list[str]:
    """The processes that have executing runs and are not among these."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.executor_id)
        .where(status.status == "PENDING", status.executor_id.not_in(alive))
        .distinct()
    )
    return [executor_id for executor_id in connection.execute(query).scalars() if executor_id]


def ended_before(connection: sa.Connection, before_ms: int, limit: int) -> list[str]:
    """Runs that ended before a time, oldest first."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.workflow_uuid)
        .where(status.status.not_in(ACTIVE))
        .where(status.completed_at < before_ms)
        .order_by(status.completed_at)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def delete_runs(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Delete runs in our own transaction, as `DBOS.delete_workflows` does in one of its own."""
    found = system_database().tables
    for table in (
        found.workflow_input,
        found.workflow_output,
        found.operation_outputs,
        found.workflow_status,
    ):
        connection.execute(sa.delete(table).where(table.c.workflow_uuid.in_(run_ids)))


@dataclass(frozen=True)
class StepRow:
    """One recorded step; times are ms since the epoch."""

    name: str
    number: int
    output: str | None
    error: str | None
    started_at: int | None
    ended_at: int | None


def step_rows(connection: sa.Connection, run_id: str) -> list[StepRow]:
    """The recorded steps of a run, in the order they were first asked for."""
    outputs = system_database().tables.operation_outputs.c
    query = (
        sa.select(
            outputs.function_name,
            outputs.function_id,
            opened(outputs.output),
            opened(outputs.error),
            outputs.started_at_epoch_ms,
            outputs.completed_at_epoch_ms,
        )
        .where(outputs.workflow_uuid == run_id)
        .order_by(outputs.function_id)
    )
    return [StepRow(*row) for row in connection.execute(query)]


def serialized_columns() -> list[sa.Column[Any]]:
    """The columns that the serializer writes: inputs, results and errors."""
    found = system_database().tables
    return [
        found.workflow_input.c.inputs,
        found.workflow_status.c.inputs,
        *(found.workflow_output.c[name] for name in ("output", "error")),
        *(found.workflow_status.c[name] for name in ("output", "error")),
        *(found.operation_outputs.c[name] for name in ("output", "error")),
    ]


def runs_in(status: RunStatus) -> sa.Select[tuple[str]]:
    """The ids of the runs in this state, as a subquery."""
    return _runs_with([stored for stored, shown in STORED.items() if shown == status])


def _runs_with(statuses: Sequence[str]) -> sa.Select[tuple[str]]:
    status = system_database().tables.workflow_status.c
    return sa.select(status.workflow_uuid).where(status.status.in_(statuses))
