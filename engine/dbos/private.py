"""The private names of DBOS 3.4 that the engine uses, with `recorded`, each with why.

`tests/engine/dbos/test_private.py` holds each against the installed version.
"""
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001 - this file exists for it

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa
from dbos import DBOS
from dbos._context import get_local_dbos_context
from dbos._core import execute_dequeued_workflow
from dbos._dbos import StepReservation, _get_dbos_instance
from dbos._error import (
    DBOSWorkflowCancelledError,
    DBOSWorkflowConflictIDError,
    MaxRecoveryAttemptsExceededError,
)
from dbos._queue import Queue
from dbos._schemas import SCHEMA_PLACEHOLDER
from dbos._sys_db import SystemDatabase, WorkflowStatusInternal
from dbos._utils import GlobalParams, generate_uuid

from engine.encryption import Sealed
from engine.outage import Outage

# Raised inside a run that no longer owns its row: cancelled, or taken over by another process.
LostRun = (DBOSWorkflowCancelledError, DBOSWorkflowConflictIDError)
TooManyRecoveries = MaxRecoveryAttemptsExceededError

READ = (  # what executing a run reads of its status, which has twice as many fields
    "workflow_uuid",
    "status",
    "name",
    "inputs",
    "serialization",
    "recovery_attempts",
    "workflow_deadline_epoch_ms",
    "queue_name",
    "queue_partition_key",
    "shard_key",
    "class_name",
    "config_name",
    "authenticated_user",
    "authenticated_roles",
    "attributes",
)


@dataclass(frozen=True)
class Claimed:
    """A run that this process has just taken from a queue."""

    run_id: str
    is_first: bool
    """Never dispatched before and not forked, so nothing is recorded for it yet."""
    status: WorkflowStatusInternal
    owner: str


def system_database() -> SystemDatabase:
    """Its tables, and its transactions."""
    return _get_dbos_instance()._sys_db


def with_schema(pool: sa.Engine) -> sa.Engine:
    """The same pool, in whose transactions the tables of DBOS can be named."""
    schema = "dbos" if pool.dialect.name == "postgresql" else None
    return pool.execution_options(schema_translate_map={SCHEMA_PLACEHOLDER: schema})


def adopt_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run workflows on this loop. DBOS takes the loop that calls launch, but launch blocks."""
    _get_dbos_instance()._background_event_loop._main_loop = loop


def calm() -> None:
    """Keep DBOS from looking each second for what the engine does not use or does itself.

    Its own queue stays empty; delayed runs are released by the dispatcher, and deadlines are the
    timekeeper's. Call before launch.
    """
    dbos = _get_dbos_instance()
    dbos._registry.get_internal_queue()._polling_interval_sec = 60.0
    dbos._background_jobs_stop_event.set()


def measure_ms() -> None:
    """Stamp rows on SQLite to the millisecond; under Python 3.11 DBOS does so to the second."""
    database = system_database()
    if database.engine.dialect.name == "sqlite":
        since_1970 = (sa.func.julianday("now") - 2440587.5) * 86_400_000
        now = sa.cast(sa.func.round(since_1970), sa.BigInteger)
        database._now_ms_sql = lambda: now


def wait_out(outage: Outage) -> None:
    """Let what a run asks of DBOS wait while the database is away or full, however long.

    DBOS looks less and less often, up to 90 s apart, and takes a full disk for the outcome of the
    step whose result could not be stored.
    """
    database = system_database()
    database._retry_connection_errors = False
    record = outage.waited_out(database.record_operation_result)

    def record_once(result: Any, **given: Any) -> None:
        # A step that is there with this time was stored by an attempt whose answer was lost.
        given.setdefault("completed_at_epoch_ms", int(time.time() * 1000))  # noqa: TID251 - as DBOS does
        record(result, **given)

    patient: Any = database
    patient.record_operation_result = record_once
    for name in ("check_operation_execution", "update_workflow_outcome"):
        setattr(database, name, outage.waited_out(getattr(database, name)))


def reserve_step(number: int) -> StepReservation:
    """Reserve this step number. DBOS counts calls; we number steps by their ids instead."""
    context = get_local_dbos_context()
    if context is None:
        raise RuntimeError("a step was reserved outside a run")
    saved = context.function_id
    context.function_id = number - 1
    try:
        return DBOS.reserve_step()
    finally:
        context.function_id = saved


def new_owner() -> str:
    """A token for one claim: what it took can be recognised by it."""
    return generate_uuid()


def claim(queue: str, limit: int, owner: str | None = None) -> list[Claimed]:
    """Take up to `limit` enqueued runs. DBOS would look once a second, and count waiting runs.

    When it raises it may have taken some all the same: `give_back` those of this owner.
    """
    database = system_database()
    # The claim reads these fields only; a Queue cannot be made without registering it.
    shape = SimpleNamespace(
        name=queue,
        _concurrency=None,
        _worker_concurrency=limit,
        _partition_concurrency=None,
        _partition_worker_concurrency=None,
        _limiter=None,
        _partition_limiter=None,
    )
    owner = owner or new_owner()
    run_ids, _ = database.start_queued_workflows(
        cast("Queue", shape),
        GlobalParams.executor_id,
        GlobalParams.app_version,
        None,
        owner_xid=owner,
        is_latest_version=False,  # which decides about runs without a version; ours have one
    )
    return [
        Claimed(
            run_id=status["workflow_uuid"],
            is_first=status["recovery_attempts"] == 1 and status["forked_from"] is None,
            status=cast("WorkflowStatusInternal", {name: status.get(name) for name in READ}),
            owner=owner,
        )
        for status in database.get_workflow_statuses(run_ids)
        if status["status"] == "PENDING"  # else cancelled since: DBOS would not start it
    ]


def give_back(connection: sa.Connection, owner: str, run_ids: Sequence[str] | None = None) -> None:
    """Put what a claim took back into its queue: all of it, or these runs."""
    database = system_database()
    status = database.tables.workflow_status
    statement = sa.update(status).where(status.c.owner_xid == owner, status.c.status == "PENDING")
    if run_ids is not None:
        statement = statement.where(status.c.workflow_uuid.in_(run_ids))
    values = {"status": "ENQUEUED", "owner_xid": None, "started_at_epoch_ms": None}
    connection.execute(statement.values(updated_at=database._now_ms_sql(), **values))


def dispatch(claimed: Claimed) -> None:
    """Start a claimed run on the adopted loop; call from another thread.

    Raises:
        TooManyRecoveries: it has been started too often; DBOS has set it aside.
    """
    execute_dequeued_workflow(_get_dbos_instance(), claimed.status, claimed.owner)
    claimed.status["inputs"] = ""  # DBOS keeps the rest until the run ends


def queues_with_work(connection: sa.Connection, names: Sequence[str]) -> list[str]:
    """Which of these queues hold enqueued runs, in one query."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.queue_name)
        .where(status.status == "ENQUEUED", status.queue_name.in_(names))
        .distinct()
    )
    return list(connection.execute(query).scalars())


def release_delayed() -> None:
    """Enqueue the runs whose delay has passed, as DBOS does once a second."""
    system_database().transition_delayed_workflows()


def next_delayed_ms(connection: sa.Connection) -> int | None:
    """When the next delayed run is due, in ms since the epoch."""
    status = system_database().tables.workflow_status.c
    query = sa.select(sa.func.min(status.delay_until_epoch_ms)).where(status.status == "DELAYED")
    return connection.execute(query).scalar()


def cancel(connection: sa.Connection, run_ids: Sequence[str]) -> list[str]:
    """Cancel runs inside our own transaction, as `DBOS.cancel_workflows` does in one of its own.

    Runs that have ended are left alone. Returns those that were not.
    """
    database = system_database()
    status = database.tables.workflow_status
    now = database._now_ms_sql()
    statement = (
        sa.update(status)
        .where(status.c.workflow_uuid.in_(run_ids))
        .where(status.c.status.in_(["ENQUEUED", "DELAYED", "PENDING"]))
        .values(
            status="CANCELLED",
            owner_xid=None,
            queue_name=None,
            deduplication_id=None,
            started_at_epoch_ms=None,
            updated_at=now,
            completed_at=now,
        )
        .returning(status.c.workflow_uuid)
    )
    return list(connection.execute(statement).scalars())


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
    return runs_with(["ENQUEUED", "DELAYED", "PENDING"])


def _has_begun(connection: sa.Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.in_transaction)


def goes_on_elsewhere(connection: sa.Connection, run_id: str) -> bool:
    """Whether the run waits in its queue, or executes in another process."""
    status = system_database().tables.workflow_status.c
    query = sa.select(status.status, status.executor_id).where(status.workflow_uuid == run_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return False
    return row[0] in {"ENQUEUED", "DELAYED"} or (
        row[0] == "PENDING" and row[1] != GlobalParams.executor_id
    )


def owns(connection: sa.Connection, run_id: str) -> bool:
    """Whether the run executes in this process, held so until the caller's transaction ends.

    On SQLite it takes the write lock first: pysqlite begins a transaction with the first write
    only, so a cancel could be committed between this look and what the caller writes.
    """
    if connection.dialect.name == "sqlite" and not _has_begun(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
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


def hand_over(run_id: str, queue: str) -> None:
    """Give a run of this process back to its queue, so that another process takes it at once.

    DBOS counts starts, and sets a run aside that was started too often. Leaving in good order is
    no sign of a run that kills its process, so this start is not counted; the first one stays,
    which tells a run with a history from a new one.
    """
    database = system_database()
    if not database.reenqueue_for_recovery(run_id, [GlobalParams.executor_id], queue):
        return
    status = database.tables.workflow_status
    with database.engine.begin() as connection:
        connection.execute(
            sa.update(status)
            .where(status.c.workflow_uuid == run_id, status.c.status == "ENQUEUED")
            .where(status.c.recovery_attempts > 1)
            .values(recovery_attempts=status.c.recovery_attempts - 1)
        )


def current_run_id() -> str:
    """The id of the run that the calling task executes."""
    return cast("Any", DBOS).workflow_id


@dataclass(frozen=True)
class RunRow:
    """What DBOS knows of a run; times are ms since the epoch."""

    status: str
    created_at: int
    started_at: int | None
    completed_at: int | None
    output: str | None
    error: str | None


def run_row(connection: sa.Connection, run_id: str) -> RunRow | None:
    """Read a run in one query; DBOS's public call takes three and a transaction of its own."""
    tables = system_database().tables
    status, output = tables.workflow_status.c, tables.workflow_output.c
    query = (
        sa.select(
            status.status,
            status.created_at,
            status.started_at_epoch_ms,
            status.completed_at,
            opened(sa.func.coalesce(output.output, status.output)),
            opened(sa.func.coalesce(output.error, status.error)),
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


def recover_own(pool: sa.Engine, executor_id: str) -> None:
    """Put the runs back that this executor id had when it died, in one statement.

    Call before launch, which puts back what it finds in a transaction for each run, while they
    are being claimed.
    """
    schema = "dbos" if pool.dialect.name == "postgresql" else None
    if not sa.inspect(pool).has_table("workflow_status", schema):
        return  # launch will create it
    names = ("status", "executor_id", "queue_name", "owner_xid", "started_at_epoch_ms")
    status = sa.table("workflow_status", *map(sa.column, names), schema=schema)
    with pool.begin() as connection:
        connection.execute(
            sa.update(status)
            .where(status.c.status == "PENDING", status.c.executor_id == executor_id)
            .where(status.c.queue_name.is_not(None))
            .values(status="ENQUEUED", owner_xid=None, started_at_epoch_ms=None)
        )


def recover(connection: sa.Connection, executor_ids: Sequence[str]) -> list[str]:
    """Put the runs of dead processes back, as DBOS does one by one; returns their queues.

    Their owner token is taken away, so a process that was only stopped cannot record anything.
    """
    database = system_database()
    status = database.tables.workflow_status
    statement = (
        sa.update(status)
        .where(status.c.status == "PENDING", status.c.executor_id.in_(executor_ids))
        .values(
            status="ENQUEUED",
            owner_xid=None,
            started_at_epoch_ms=None,
            updated_at=database._now_ms_sql(),
        )
        .returning(status.c.queue_name)
    )
    return sorted(set(connection.execute(statement).scalars()))


def ended_before(connection: sa.Connection, before_ms: int, limit: int) -> list[str]:
    """Runs that ended before a time, oldest first."""
    status = system_database().tables.workflow_status.c
    query = (
        sa.select(status.workflow_uuid)
        .where(status.status.not_in(["ENQUEUED", "DELAYED", "PENDING"]))
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
    completed_at: int | None


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


def opened(serialized: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What the serializer wrote into a column of DBOS, as JSON text again."""
    return sa.type_coerce(serialized, Sealed)


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


def run_tables() -> tuple[sa.Table, sa.Table]:
    """The tables of the states and of the results of runs, for queries that join them to ours."""
    found = system_database().tables
    return found.workflow_status, found.workflow_output


def runs_with(statuses: Sequence[str]) -> sa.Select[tuple[str]]:
    """The ids of the runs in these statuses, as a subquery."""
    status = system_database().tables.workflow_status.c
    return sa.select(status.workflow_uuid).where(status.status.in_(statuses))
