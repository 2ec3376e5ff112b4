"""How a job's runs did over a window: how many, how many succeeded, how long they took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.dbos.states import RunStates, run_states
from engine.storage import tables

MAX_ROWS = 20_000  # the newest ends of the window; `is_sample` says when there were more


@dataclass(frozen=True)
class Spread:
    """Milliseconds, nearest rank."""

    p50_ms: int
    p95_ms: int


@dataclass(frozen=True)
class JobMetrics:
    """The runs of a job that ended in a window.

    `success_rate` is completed ÷ (completed + failed), None without either. `duration` is from the
    first start to the end, `queued` from creation to that start (a delay included); both leave out
    runs that never started.
    With `is_sample` only the newest `MAX_ROWS` ends of all jobs were counted, and the throughput is
    theirs over the time that they span.
    """

    job_id: str
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    per_minute: float
    duration: Spread | None
    queued: Spread | None
    is_sample: bool


def ended_query(since_ms: int, job_id: str | None, user_id: str | None) -> sa.Select[Any]:
    """Runs that ended since a time, last ended first, bounded."""
    query, states = runs_with_times(job_id, user_id)
    ended = query.where(states.ended_at >= since_ms)
    return ended.order_by(states.ended_at.desc()).limit(MAX_ROWS + 1)


def runs_with_times(job_id: str | None, user_id: str | None) -> tuple[sa.Select[Any], RunStates]:
    """Runs of a job and of a user: id, job, status, creation, first start and end."""
    states, run = run_states(), tables.run.c
    columns: list[sa.ColumnElement[Any]] = [
        run.run_id,
        run.job_id,
        states.status,
        run.created_at,
        sa.func.coalesce(run.started_at, states.started_at).label("started_at"),
        states.ended_at,
    ]
    query = sa.select(*columns).select_from(states.join(tables.run, run.run_id))
    if job_id is not None:
        query = query.where(run.job_id == job_id)
    if user_id is not None:
        owned = tables.owned.c
        query = query.join(
            tables.owned, sa.and_(owned.kind == "run", owned.id == run.run_id)
        ).where(owned.user_id == user_id)
    return query, states


def read_metrics(
    connection: sa.Connection,
    *,
    since_ms: int,
    now_ms: int,
    job_id: str | None,
    user_id: str | None,
) -> list[JobMetrics]:
    """The metrics of every job with runs that ended in the window, by job id."""
    rows = list(connection.execute(ended_query(since_ms, job_id, user_id)))
    is_sample = len(rows) > MAX_ROWS
    rows = rows[:MAX_ROWS]
    if is_sample:
        since_ms = rows[-1].ended_at
    minutes = max(1, now_ms - since_ms) / 60_000
    by_job: dict[str, list[sa.Row[Any]]] = {}
    for row in rows:
        by_job.setdefault(row.job_id, []).append(row)
    return [
        _metrics(name, found, minutes, is_sample=is_sample)
        for name, found in sorted(by_job.items())
    ]


def _metrics(
    job_id: str, rows: Sequence[sa.Row[Any]], minutes: float, *, is_sample: bool
) -> JobMetrics:
    counts = {"completed": 0, "failed": 0, "cancelled": 0}
    for row in rows:
        counts[row.status] += 1
    judged = counts["completed"] + counts["failed"]
    started = [row for row in rows if row.started_at is not None]
    return JobMetrics(
        job_id=job_id,
        **counts,
        success_rate=counts["completed"] / judged if judged else None,
        per_minute=len(rows) / minutes,
        duration=spread([row.ended_at - row.started_at for row in started]),
        queued=spread([row.started_at - row.created_at for row in started]),
        is_sample=is_sample,
    )


def spread(values_ms: Sequence[int]) -> Spread | None:
    """Percentiles by nearest rank; None of nothing. Clocks that disagree count as no time."""
    if not values_ms:
        return None
    ordered = sorted(max(0, value) for value in values_ms)

    def rank(share: float) -> int:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Spread(rank(0.5), rank(0.95))
