"""Runs as seen from outside: their status, result and error."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from core.ids import EventId, RunId
from engine.dbos import dbos_rows
from engine.errors import StepFailed
from engine.status import ENDED, RunStatus
from engine.storage import codec, tables


@dataclass(frozen=True)
class RunInfo:
    """One run. `result` is JSON, and None unless completed; `error` is None unless failed."""

    run_id: RunId
    job_id: str
    event_id: EventId
    status: RunStatus
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    result: Any
    error: Exception | None

    @property
    def has_ended(self) -> bool:
        """Whether the status is final."""
        return self.status in ENDED


def instant(ms: int | None) -> datetime | None:
    """A stored time as a datetime."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def read_run(connection: sa.Connection, run_id: str) -> RunInfo | None:
    """The run of this id, or None."""
    row = dbos_rows.run_row(connection, run_id)
    if row is None:
        return None
    own = connection.execute(
        sa.select(tables.run).where(tables.run.c.run_id == run_id)
    ).one_or_none()
    created = instant(row.created_at if own is None else own.created_at)
    assert created is not None  # noqa: S101 - a run always has a time of creation
    return RunInfo(
        run_id=RunId(run_id),
        job_id="" if own is None else own.job_id,
        event_id=EventId("" if own is None else own.event_id),
        status=row.status,
        created_at=created,
        started_at=instant(row.started_at if own is None else own.started_at or row.started_at),
        ended_at=instant(row.ended_at),
        result=None if row.output is None else codec.loads(row.output),
        error=None if row.error is None else codec.loads(row.error),
    )


def ms_of(at: datetime) -> int:
    """A time as it is stored."""
    return int(at.timestamp() * 1000)


@dataclass(frozen=True)
class FailedTry:
    """An attempt of a step (or, with step id "", of the body) that was followed by another."""

    attempt: int
    error_name: str
    error_message: str
    failed_at: datetime
    error_code: str | None = None
    started_at: datetime | None = None
    """None of the body, and where old code has stored it."""
    next_at: datetime | None = None
    """When the next attempt was to start."""
    error_stack: str | None = None
    """Where it was raised; None where old code has stored it."""


@dataclass(frozen=True)
class StepRecord:
    """A step that has been recorded, with the attempts that failed before.

    `input` is what `step.run` called its function with, cut for people to look at (see
    `engine.steps.shown`); None for other kinds of steps and where there were no arguments.
    """

    step_id: str
    input: dict[str, Any] | None
    result: Any
    error: Exception | None
    started_at: datetime | None
    ended_at: datetime | None
    failed: tuple[FailedTry, ...]
    kind: str | None = None
    """A `StepKind`, or "race" for the step that remembers who won; None where old code has stored
    no more than the result."""

    @property
    def attempts(self) -> int:
        """How often it was tried, the last time included."""
        return len(self.failed) + 1


def read_failed(connection: sa.Connection, run_id: str) -> dict[str, list[FailedTry]]:
    """The failed attempts of a run, by step, first one first."""
    attempt = tables.attempt.c
    failed: dict[str, list[FailedTry]] = {}
    for row in connection.execute(
        sa.select(tables.attempt).where(attempt.run_id == run_id).order_by(attempt.attempt)
    ):
        at = datetime.fromtimestamp(row.failed_at / 1000, UTC)
        found = FailedTry(
            row.attempt,
            row.error_name,
            row.error_message,
            at,
            row.error_code,
            instant(row.started_at),
            instant(row.next_at),
            row.error_stack,
        )
        failed.setdefault(row.step_id, []).append(found)
    return failed


def read_steps(connection: sa.Connection, run_id: str) -> list[StepRecord]:
    """The recorded steps of a run, in the order they were first asked for."""
    failed = read_failed(connection, run_id)
    return [
        step_record(
            row.name,
            None if row.output is None else codec.loads(row.output),
            None if row.error is None else codec.loads(row.error),
            started_at=instant(row.started_at),
            ended_at=instant(row.ended_at),
            failed=tuple(failed.get(row.name, ())),
        )
        for row in dbos_rows.step_rows(connection, run_id)
    ]


def step_record(  # noqa: PLR0913 - the parts of one record
    name: str,
    output: Any,
    error: Exception | None,
    *,
    started_at: datetime | None,
    ended_at: datetime | None,
    failed: tuple[FailedTry, ...],
) -> StepRecord:
    """A record from what was stored for a step."""
    given = kind = None
    if isinstance(output, codec.Recorded):
        given, kind, output = output.input, output.kind, output.output
    elif isinstance(error, StepFailed):
        given = error.input
        kind = error.kind or (None if given is None else "run")
    return StepRecord(name, given, output, error, started_at, ended_at, failed, kind)


def list_runs(
    connection: sa.Connection, *, job_id: str | None, status: RunStatus | None, limit: int
) -> list[RunInfo]:
    """The newest runs that fit, newest first."""
    query = sa.select(tables.run.c.run_id).order_by(
        tables.run.c.created_at.desc(), tables.run.c.run_id
    )
    if job_id is not None:
        query = query.where(tables.run.c.job_id == job_id)
    if status is not None:
        query = query.where(tables.run.c.run_id.in_(dbos_rows.runs_in(status)))
    run_ids = connection.execute(query.limit(limit)).scalars().all()
    found = (read_run(connection, run_id) for run_id in run_ids)
    return [run for run in found if run is not None]
