"""What runs wait for: events, signals, and a place to execute."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.ids import RunId
from engine.dbos.states import run_states
from engine.inspection.pages import BadCursor, Page, at
from engine.inspection.run_info import instant
from engine.status import RunStatus
from engine.storage import tables


@dataclass(frozen=True)
class OpenWait:
    """A run that waits for an event or for a signal, and until when."""

    run_id: RunId
    step_id: str
    event_name: str | None
    match: tuple[str, Any] | None
    condition: str | None
    signal: str | None
    deadline: datetime
    opened_at: datetime | None = None
    """None where old code has stored it."""


@dataclass(frozen=True)
class QueueDepth:
    """How many runs of a job have not ended, by status. Running ones may sleep or wait."""

    job_id: str
    queued: int
    scheduled: int
    running: int
    oldest_queued_at: datetime | None


def waits_query() -> sa.Select[Any]:
    """The waits that have not been answered, in the order of their pages."""
    wait = tables.wait.c
    return sa.select(tables.wait).where(wait.answer.is_(None)).order_by(wait.run_id, wait.step_id)


def read_waits(connection: sa.Connection, limit: int, cursor: str | None) -> Page[OpenWait]:
    """A page of waits. Raises: BadCursor."""
    wait, query = tables.wait.c, waits_query().limit(limit + 1)
    if cursor is not None:
        run_id, step_id = _wait_position(cursor)
        query = query.where(
            wait.run_id >= run_id, sa.or_(wait.run_id > run_id, wait.step_id > step_id)
        )
    found = [open_wait(row) for row in connection.execute(query)]
    if len(found) <= limit:
        return Page(tuple(found), None)
    last = found[limit - 1]
    return Page(tuple(found[:limit]), json.dumps([last.run_id, last.step_id]))


def _wait_position(cursor: str) -> tuple[str, str]:
    try:
        run_id, step_id = json.loads(cursor)
    except (TypeError, ValueError) as error:
        raise BadCursor from error
    if not (isinstance(run_id, str) and isinstance(step_id, str)):
        raise BadCursor
    return run_id, step_id


def open_wait(row: Any) -> OpenWait:
    """A wait from its row."""
    return OpenWait(
        run_id=RunId(row.run_id),
        step_id=row.step_id,
        event_name=row.event_name,
        match=None if row.match_path is None else (row.match_path, json.loads(row.match)),
        condition=row.condition,
        signal=row.signal,
        deadline=at(row.deadline),
        opened_at=instant(row.opened_at),
    )


def read_queues(connection: sa.Connection) -> list[QueueDepth]:
    """The jobs that have runs which have not ended, by id."""
    states, run = run_states(), tables.run.c
    counts: dict[str, dict[RunStatus, int]] = {}
    oldest: dict[str, int] = {}
    query = (
        sa.select(run.job_id, states.status, sa.func.count(), sa.func.min(run.created_at))
        .select_from(states.join(tables.run, run.run_id))
        .where(states.is_active)
        .group_by(run.job_id, states.status)
    )
    for job_id, status, count, first in connection.execute(query):
        counts.setdefault(job_id, {})[status] = count
        if status == "queued":
            oldest[job_id] = first
    return [
        QueueDepth(
            job_id=job_id,
            queued=found.get("queued", 0),
            scheduled=found.get("scheduled", 0),
            running=found.get("running", 0),
            oldest_queued_at=instant(oldest.get(job_id)),
        )
        for job_id, found in sorted(counts.items())
    ]
