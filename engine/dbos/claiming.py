"""Taking runs from their queues, and starting them, by the private names of DBOS 3.4.

DBOS would look once a second, count runs that wait, and take three statements in two transactions.
`tests/engine/dbos/test_claiming.py` holds each name against the installed version.
"""
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - as in private.py

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import sqlalchemy as sa
from dbos._core import execute_dequeued_workflow
from dbos._dbos import _get_dbos_instance
from dbos._sys_db import SystemDatabase, WorkflowStatusInternal
from dbos._utils import GlobalParams, generate_uuid
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from engine.dbos.private import system_database
from engine.dbos.starts import keep_starts

MAX_RECOVERIES = 50  # a run that has taken the process down this often is set aside

READ = (  # what executing a run reads of its status, which has twice as many fields
    "workflow_uuid",
    "status",
    "name",
    "serialization",
    "recovery_attempts",
    "workflow_deadline_epoch_ms",
    "queue_name",
    "queue_partition_key",
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

    @property
    def key(self) -> str | None:
        """Whose turn it takes; see `engine.fairness`."""
        return self.status["queue_partition_key"]

    @property
    def started_too_often(self) -> bool:
        """Whether it has been started so often that it must not be once more."""
        return (self.status["recovery_attempts"] or 0) > MAX_RECOVERIES + 1


def new_owner() -> str:
    """A token for one claim: what it took can be recognised by it."""
    return generate_uuid()


Of = Literal["any key", "no key", "this key"]
"""Which enqueued runs a claim takes, by the key of their turns."""


def claim(  # noqa: PLR0913 - what to take, and for whom
    connection: sa.Connection,
    queue: str,
    limit: int,
    owner: str,
    *,
    of: Of = "any key",
    key: str | None = None,
) -> list[Claimed]:
    """Take up to `limit` enqueued runs, those of the smallest priority first, then the oldest.

    When its commit fails it may have taken some all the same: `give_back` those of this owner.
    """
    values = here(queue) | {
        "limit": limit,
        "owner": owner,
        "executor": GlobalParams.executor_id,
        "key": key,
    }
    rows = connection.execute(_claiming(system_database(), of), values).all()
    return [
        Claimed(
            run_id=row.workflow_uuid,
            is_first=row.recovery_attempts == 1 and row.forked_from is None,
            status=cast(
                "WorkflowStatusInternal",
                {name: getattr(row, name) for name in READ}
                | {"inputs": row.given, "shard_key": None},
            ),
            owner=owner,
        )
        for row in sorted(rows, key=lambda row: (row.priority, row.created_at, row.workflow_uuid))
    ]


def here(queue: str) -> dict[str, Any]:
    """What is bound in a statement about the enqueued runs of this application."""
    return {"queue": queue, "version": GlobalParams.app_version}


def in_order(status: ReadOnlyColumnCollection[str, Any]) -> list[sa.ColumnElement[Any]]:
    """Who is claimed first. What came at once goes by its id, which sorts by when it was made."""
    return [status.priority, status.created_at, status.workflow_uuid]


def is_enqueued_here(database: SystemDatabase) -> list[sa.ColumnElement[bool]]:
    """That a run waits in the bound queue, for this application."""
    status = database.tables.workflow_status.c
    return [
        status.queue_name == sa.bindparam("queue"),
        status.status == "ENQUEUED",
        database._in_flight_status_prover(),
        status.application_version == sa.bindparam("version"),
        database._name_filter(status.application_name, database.app_name),
    ]


@lru_cache(maxsize=3)  # put together once; a process has one DBOS at a time
def _claiming(database: SystemDatabase, of: Of) -> sa.Executable:
    table, inputs = database.tables.workflow_status, database.tables.workflow_input
    status, now = table.c, database._now_ms_sql()
    its_key = status.queue_partition_key
    wanted = {
        "any key": sa.true(),
        "no key": its_key.is_(None),
        "this key": its_key == sa.bindparam("key", type_=sa.Text),
    }
    next_ones = (
        sa.select(status.workflow_uuid)
        .where(*is_enqueued_here(database), wanted[of])
        .order_by(*in_order(status))
        .limit(sa.bindparam("limit", type_=sa.Integer))
        .with_for_update(skip_locked=True)
        .cte("next_ones")  # a subquery might be run again, and would lock and take more
    )
    # Under another name: in what SQLite returns, SQLAlchemy writes columns without their table.
    given = sa.select(inputs.c.workflow_uuid.label("of"), inputs.c.inputs).subquery("given")
    its_input = sa.select(given.c.inputs).where(given.c.of == status.workflow_uuid)
    return (
        sa.update(table)
        .where(status.workflow_uuid.in_(sa.select(next_ones.c.workflow_uuid)))
        .values(
            status="PENDING",
            owner_xid=sa.bindparam("owner"),
            executor_id=sa.bindparam("executor"),
            application_name=database.app_name,
            started_at_epoch_ms=now,
            updated_at=now,
            recovery_attempts=status.recovery_attempts + 1,
        )
        .returning(
            *(status[name] for name in READ),
            status.forked_from,
            status.priority,
            status.created_at,
            sa.func.coalesce(its_input.correlate(table).scalar_subquery(), status.inputs).label(
                "given"
            ),
        )
    )


def give_back(connection: sa.Connection, owner: str, run_ids: Sequence[str] | None = None) -> None:
    """Put what a claim took back into its queue: all of it, or these runs."""
    status = system_database().tables.workflow_status
    statement = sa.update(status).where(status.c.owner_xid == owner, status.c.status == "PENDING")
    if run_ids is not None:
        statement = statement.where(status.c.workflow_uuid.in_(run_ids))
    connection.execute(statement.values(**_given_back()))


def hand_over(connection: sa.Connection, run_ids: Sequence[str]) -> list[str]:
    """Give runs that this process executes back to their queues; returns those queues.

    DBOS counts starts, and sets a run aside that was started too often. Leaving in good order is
    no sign of a run that kills its process, so this start is not counted; the first one stays,
    which tells a run with a history from a new one.
    """
    status = system_database().tables.workflow_status
    starts = status.c.recovery_attempts
    which = sa.and_(
        status.c.workflow_uuid.in_(run_ids),
        status.c.status == "PENDING",
        status.c.executor_id == GlobalParams.executor_id,
    )
    keep_starts(connection, which, status)
    statement = (
        sa.update(status)
        .where(which)
        .values(recovery_attempts=sa.case((starts > 1, starts - 1), else_=starts), **_given_back())
        .returning(status.c.queue_name)
    )
    return sorted(set(connection.execute(statement).scalars()))


def recover(connection: sa.Connection, executor_ids: Sequence[str]) -> list[str]:
    """Put the runs of dead processes back, as DBOS does one by one; returns their queues.

    Their owner token is taken away, so a process that was only stopped cannot record anything.
    """
    status = system_database().tables.workflow_status
    which = sa.and_(status.c.status == "PENDING", status.c.executor_id.in_(executor_ids))
    keep_starts(connection, which, status)
    statement = (
        sa.update(status).where(which).values(**_given_back()).returning(status.c.queue_name)
    )
    return sorted(set(connection.execute(statement).scalars()))


def _given_back() -> dict[str, Any]:
    """What is written of a run that goes back to its queue."""
    return {
        "status": "ENQUEUED",
        "executor_id": None,  # so that of a run that is cancelled it says who executed it
        "owner_xid": None,
        "started_at_epoch_ms": None,
        "updated_at": system_database()._now_ms_sql(),
    }


def set_aside(connection: sa.Connection, run_id: str, owner: str) -> bool:
    """End a claimed run that was started too often, as DBOS would in a transaction of its own."""
    database = system_database()
    status, now = database.tables.workflow_status, database._now_ms_sql()
    statement = (
        sa.update(status)
        .where(status.c.workflow_uuid == run_id, status.c.status == "PENDING")
        .where(status.c.owner_xid == owner)
        .values(
            status="MAX_RECOVERY_ATTEMPTS_EXCEEDED",
            owner_xid=None,
            deduplication_id=None,
            started_at_epoch_ms=None,
            queue_name=None,
            updated_at=now,
            completed_at=now,
        )
    )
    return bool(connection.execute(statement).rowcount)


def dispatch(claimed: Claimed) -> None:
    """Start a claimed run on the adopted loop; call from another thread."""
    execute_dequeued_workflow(_get_dbos_instance(), claimed.status, claimed.owner)
    claimed.status["inputs"] = ""  # DBOS keeps the rest until the run ends
