"""The states of runs: stored in the words of DBOS, read in ours.

Statements elsewhere join what `run_states` gives to tables of their own.
`tests/engine/dbos/test_states.py` holds the words against the installed version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.dbos.private import system_database
from engine.status import RunStatus
from engine.storage.encryption import Sealed

STORED: Mapping[str, RunStatus] = {
    "DELAYED": "scheduled",
    "ENQUEUED": "queued",
    "PENDING": "running",
    "SUCCESS": "completed",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
ACTIVE = ("ENQUEUED", "DELAYED", "PENDING")
"""Of runs that have not ended."""


class Status(sa.TypeDecorator[RunStatus]):
    """A column of states that is read in our words. Nothing is compared with it."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> RunStatus | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Our word for what is stored."""
        return None if value is None else STORED[value]


def opened(serialized: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What the serializer wrote into a column of DBOS, as JSON text again."""
    return sa.type_coerce(serialized, Sealed)


@dataclass(frozen=True)
class RunStates:
    """The states of runs, as columns for a query that joins them. Times are ms since the epoch."""

    status: sa.ColumnElement[Any]
    """To be selected and grouped by; `is_active` is for conditions."""
    started_at: sa.ColumnElement[int]
    """When its last execution began; NULL before the first, and of a cancelled run."""
    ended_at: sa.ColumnElement[int]
    error: sa.ColumnElement[Any]
    """What a failed run has raised, as JSON text; with `join_ends` only."""
    is_active: sa.ColumnElement[bool]
    """Whether it has not ended."""
    _runs: sa.Table
    _ends: sa.Table

    def join(self, found: sa.FromClause, run_id: sa.ColumnElement[str]) -> sa.Join:
        """Rows with the state of their run; those of runs that there are not drop out."""
        return found.join(self._runs, self._runs.c.workflow_uuid == run_id)

    def join_ends(self, found: sa.FromClause, run_id: sa.ColumnElement[str]) -> sa.Join:
        """The same rows, with what their run has ended with."""
        return found.outerjoin(self._ends, self._ends.c.workflow_uuid == run_id)


def run_states() -> RunStates:
    """The states of the runs of this process's database."""
    tables = system_database().tables
    runs, ends = tables.workflow_status, tables.workflow_output
    return RunStates(
        status=sa.type_coerce(runs.c.status, Status).label("status"),
        started_at=runs.c.started_at_epoch_ms.label("started_at"),
        ended_at=runs.c.completed_at.label("ended_at"),
        error=opened(sa.func.coalesce(ends.c.error, runs.c.error)).label("error"),
        is_active=runs.c.status.in_(ACTIVE),
        _runs=runs,
        _ends=ends,
    )
