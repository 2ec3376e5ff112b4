"""Recorded steps by the private names of DBOS 3.4: read for many runs at once, and written.

`tests/engine/dbos/test_private.py` holds each name against the installed version.
"""
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001 - as in private.py

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any

import sqlalchemy as sa
from dbos._context import get_local_dbos_context
from dbos._dbos import _get_dbos_instance
from dbos._serialization import (
    deserialize_exception,
    deserialize_value,
    serialize_exception,
    serialize_value,
)
from dbos._sys_db import SystemDatabase

from engine.dbos.private import system_database

KEPT_STEPS = 100
KEPT_LENGTH = 1000  # with the above: at most 100 KB of a run that starts again


@dataclass(frozen=True, slots=True)
class StoredResult:
    """What a step has returned or raised, as it is stored."""

    output: str | None
    error: str | None
    serialization: str | None

    def value(self) -> Any:
        """What a replay of the step returns, or raises, as DBOS has it."""
        serializer = _get_dbos_instance()._serializer
        if self.error is not None:
            raise deserialize_exception(self.error, self.serialization, serializer)
        return deserialize_value(self.output, self.serialization, serializer)


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One recorded step; without its result where that is large, or the run must look."""

    run_id: str
    name: str
    number: int
    result: StoredResult | None


def recorded_steps(connection: sa.Connection, run_ids: Sequence[str]) -> list[RecordedStep]:
    """The recorded steps of runs that are about to start again.

    A run that has been cancelled must not replay. So results come along for executing
    runs only, and only small ones of the first steps, since a few hundred runs are read at once;
    the others are read when they are asked for.
    """
    database = system_database()
    status, outputs = database.tables.workflow_status.c, database.tables.operation_outputs
    column = outputs.c
    text = sa.func.coalesce(column.output, column.error)
    is_kept = sa.and_(
        status.status == "PENDING",
        column.function_id <= KEPT_STEPS,
        sa.func.length(text) <= KEPT_LENGTH,
    )
    query = (
        sa.select(
            column.workflow_uuid,
            column.function_name,
            column.function_id,
            sa.case((is_kept, column.output)),
            sa.case((is_kept, column.error)),
            column.serialization,
        )
        .select_from(
            outputs.join(
                database.tables.workflow_status, status.workflow_uuid == column.workflow_uuid
            )
        )
        .where(column.workflow_uuid.in_(run_ids))
    )
    return [
        RecordedStep(
            run_id,
            name,
            number,
            StoredResult(output, error, serialization) if output or error else None,
        )
        for run_id, name, number, output, error, serialization in connection.execute(query)
    ]


@dataclass(frozen=True)
class NewStep:
    """A step that has ended and is to be recorded; times are those of `private.now_ms`."""

    run_id: str
    owner: str
    """See `owner`."""
    name: str
    number: int
    result: Any
    failure: Exception | None
    started_at: int
    ended_at: int
    """Tells a second try, whose first was committed without an answer, from another step."""


class NotOurs(Exception):
    """The run has been cancelled, or another process has it by now."""


def owner() -> str:
    """The token of the claim by which the calling run executes."""
    context = get_local_dbos_context()
    if context is None or context.owner_xid is None:
        raise RuntimeError("asked for its owner outside a run")
    return context.owner_xid


def record(connection: sa.Connection, step: NewStep) -> float:
    """Record a step, as DBOS does, in one statement where DBOS takes two.

    Returns a monotonic time at which the run was still ours. Who cancels it or takes it over
    waits for the commit.

    Raises:
        NotOurs: nothing was recorded.
    """
    database = system_database()
    serializer = _get_dbos_instance()._serializer
    output = error = None
    if step.failure is not None:
        error, serialization = serialize_exception(step.failure, None, serializer)
    else:
        output, serialization = serialize_value(step.result, None, serializer)
    values = {
        "run": step.run_id,
        "owner": step.owner,
        "number": step.number,
        "name": step.name,
        "output": output,
        "error": error,
        "serialization": serialization,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
        "application": database.app_name,
    }
    asked_at = monotonic()
    ended_at = connection.execute(_recording(database), values).scalar()
    if ended_at is None:
        raise NotOurs(step.run_id)
    if ended_at != step.ended_at:
        raise RuntimeError(f"run {step.run_id!r} has recorded its step {step.number} already")
    return asked_at


@lru_cache(maxsize=1)  # put together once; a process has one DBOS at a time
def _recording(database: SystemDatabase) -> sa.Executable:
    status, outputs = database.tables.workflow_status, database.tables.operation_outputs
    given = {
        outputs.c.workflow_uuid: status.c.workflow_uuid,
        outputs.c.function_id: _given("number", sa.Integer),
        outputs.c.function_name: _given("name"),
        outputs.c.output: _given("output"),
        outputs.c.error: _given("error"),
        outputs.c.serialization: _given("serialization"),
        outputs.c.started_at_epoch_ms: _given("started_at", sa.BigInteger),
        outputs.c.completed_at_epoch_ms: _given("ended_at", sa.BigInteger),
        outputs.c.application_name: _given("application"),
        outputs.c.retention_timestamp: database._now_ms_sql(),
    }
    owned = (
        sa.select(*given.values())
        .where(status.c.workflow_uuid == sa.bindparam("run"))
        .where(status.c.owner_xid == sa.bindparam("owner"))
        .with_for_update(key_share=True, of=status)
    )
    ended_at = outputs.c.completed_at_epoch_ms
    return (
        database.dialect.insert(outputs)
        .from_select([column.name for column in given], owned)
        .on_conflict_do_update(
            index_elements=["workflow_uuid", "function_id"], set_={ended_at.name: ended_at}
        )
        .returning(ended_at)
    )


def _given(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.ColumnElement[Any]:
    return sa.cast(sa.bindparam(name, type_=kind), kind)


def check_owned(connection: sa.Connection, run_id: str, owner: str) -> None:
    """See that the run still executes by this claim. Raises: NotOurs."""
    status = system_database().tables.workflow_status.c
    query = sa.select(status.owner_xid).where(status.workflow_uuid == run_id)
    if connection.execute(query).scalar() != owner:
        raise NotOurs(run_id)


def read_result(
    connection: sa.Connection, run_id: str, number: int, owner: str
) -> StoredResult | None:
    """What a step of a run that is ours has returned or raised; None where it is not recorded.

    Raises:
        NotOurs: it is not ours.
    """
    check_owned(connection, run_id, owner)
    column = system_database().tables.operation_outputs.c
    query = sa.select(column.output, column.error, column.serialization).where(
        column.workflow_uuid == run_id, column.function_id == number
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else StoredResult(*row)
