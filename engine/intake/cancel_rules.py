"""What will cancel a run: events that its job names, and its time to start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.events import WireEvent
from engine.expressions import path_value
from engine.job import Job
from engine.storage import tables
from engine.storage.eventlog import read_event
from engine.storage.tables import insert_new


def watch(  # noqa: PLR0913 - one run: of what, from what, from when on
    connection: sa.Connection,
    job: Job[Any, Any],
    run_id: str,
    event: WireEvent,
    *,
    now_ms: int,
    delay_ms: int = 0,
) -> None:
    """Store what will cancel a run that is due after a delay."""
    timeout_ms = job.flow.start_timeout_ms()
    if timeout_ms is not None:
        at = now_ms + max(0, delay_ms) + timeout_ms
        insert_new(connection, tables.limit, {"run_id": run_id, "kind": "start", "at": at})
    for number, rule in enumerate(job.cancel_on):
        match = None if rule.match is None else path_value(event.as_json(), rule.match)
        if rule.match is not None and match is None:
            continue  # nothing to compare with, so nothing can match
        expires_at = None if rule.timeout_s is None else now_ms + int(rule.timeout_s * 1000)
        row = {
            "run_id": run_id,
            "number": number,
            "event_name": rule.event_name,
            "match": match,
            "expires_at": expires_at,
        }
        insert_new(connection, tables.cancel_rule, row)


_FORGET = [
    sa.delete(table).where(table.c.run_id == sa.bindparam("of_run"))
    for table in (tables.limit, tables.cancel_rule)
]


def forget_watch(connection: sa.Connection, run_id: str) -> None:
    """Nothing is to cancel this run any more."""
    for delete in _FORGET:
        connection.execute(delete, {"of_run": run_id})


def take_overdue(connection: sa.Connection, now_ms: int) -> list[str]:
    """The runs whose time to start or to finish is over, and forget their limits."""
    limit = tables.limit.c
    run_ids = list(connection.execute(sa.select(limit.run_id).where(limit.at <= now_ms)).scalars())
    connection.execute(sa.delete(tables.limit).where(limit.run_id.in_(run_ids)))
    return run_ids


def runs_to_cancel(
    connection: sa.Connection, jobs: Mapping[str, Job[Any, Any]], event: WireEvent, now_ms: int
) -> list[str]:
    """The runs that this event cancels."""
    paths = {
        rule.match
        for job in jobs.values()
        for rule in job.cancel_on
        if rule.event_name == event.name
    }
    if not paths:
        return []
    values = [path_value(event.as_json(), path) for path in paths if path is not None]
    rule = tables.cancel_rule.c
    rows = connection.execute(
        sa.select(rule.run_id, rule.number, rule.match)
        .where(rule.event_name == event.name)
        .where(sa.or_(rule.match.is_(None), rule.match.in_(values)))
        .where(sa.or_(rule.expires_at.is_(None), rule.expires_at > now_ms))
    )
    found = [_Stored(run_id, number, match) for run_id, number, match in rows]
    return sorted({each.run_id for each in found if _cancels(connection, jobs, each, event)})


@dataclass(frozen=True)
class _Stored:
    run_id: str
    number: int
    match: str | None


def _cancels(
    connection: sa.Connection,
    jobs: Mapping[str, Job[Any, Any]],
    stored: _Stored,
    event: WireEvent,
) -> bool:
    query = sa.select(tables.run.c.job_id, tables.run.c.event_id).where(
        tables.run.c.run_id == stored.run_id
    )
    row = connection.execute(query).one_or_none()
    job = None if row is None else jobs.get(row.job_id)
    if row is None or job is None or stored.number >= len(job.cancel_on):
        return False
    rule = job.cancel_on[stored.number]
    if rule.match is not None and path_value(event.as_json(), rule.match) != stored.match:
        return False
    if rule.when is None:
        return True
    cause = read_event(connection, row.event_id)
    return cause is not None and rule.when.holds(cause.as_json(), event.as_json())
