"""Recorded steps by the private names of DBOS 3.4: read for many runs at once, and written.

`tests/engine/dbos/test_private.py` holds each name against the installed version.
"""
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001 - as in private.py

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
from dbos._sys_db import OperationResultInternal

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
    """One recorded step; without its result where that is large, or where DBOS must look."""

    run_id: str
    name: str
    number: int
    result: StoredResult | None


def recorded_steps(connection: sa.Connection, run_ids: Sequence[str]) -> list[RecordedStep]:
    """The recorded steps of runs that are about to start again.

    DBOS looks for each result when it is asked for, and raises for a run that has been cancelled
    by then. So results come along for executing runs only, and only small ones of the first
    steps: a few hundred runs are read at once.
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
    """A step that has ended and is to be recorded."""

    run_id: str
    name: str
    number: int
    result: Any
    failure: Exception | None
    started_at: int
    """By `private.now_ms`."""


def owner() -> str:
    """The token of the claim by which the calling run executes."""
    context = get_local_dbos_context()
    if context is None or context.owner_xid is None:
        raise RuntimeError("asked for its owner outside a run")
    return context.owner_xid


def is_owned(connection: sa.Connection, run_id: str, owner: str) -> bool:
    """Whether the run is still executing by this claim: not cancelled, and not taken over."""
    status = system_database().tables.workflow_status.c
    query = sa.select(status.status, status.owner_xid).where(status.workflow_uuid == run_id)
    row = connection.execute(query).one_or_none()
    return row is not None and row[0] == "PENDING" and row[1] == owner


def recording(step: NewStep) -> Callable[[], float]:
    """What records a step of the calling run, as DBOS does; to be called in another thread.

    It returns a monotonic time at which the run was still ours, or raises one of `LostRun`. A step
    that DBOS runs keeps some 5 KB in memory until it ends.
    """
    serializer = _get_dbos_instance()._serializer
    output = error = None
    if step.failure is not None:
        error, serialization = serialize_exception(step.failure, None, serializer)
    else:
        output, serialization = serialize_value(step.result, None, serializer)
    row: OperationResultInternal = {
        "workflow_uuid": step.run_id,
        "function_id": step.number,
        "function_name": step.name,
        "output": output,
        "error": error,
        "serialization": serialization,
        "started_at_epoch_ms": step.started_at,
        "child_workflow_id": None,
    }
    record = partial(system_database().record_operation_result, row, owner_xid=owner())

    def timed() -> float:
        began_at = monotonic()
        record()
        return began_at

    return timed
