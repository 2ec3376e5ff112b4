"""How runs did over time, in buckets: ends, durations, causes of failures, queue depth."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.errors import Refused
from engine.dbos.states import run_states
from engine.inspection.metrics import MAX_ROWS, Spread, ended_query, runs_with_times, spread
from engine.inspection.pages import at
from engine.status import RunStatus
from engine.storage import codec, tables
from engine.storage.snapshot import at_one_moment

MAX_BUCKETS = 1_000
MAX_CAUSES = 2_000  # failures of which the cause is read
SHOWN_CAUSES = 10  # of one bucket


class TooManyBuckets(Refused):
    """The window holds more buckets than one answer has."""

    code = "too_many_buckets"

    def __init__(self, asked: int) -> None:
        super().__init__(
            f"the window holds {asked} buckets and {MAX_BUCKETS} are allowed; "
            "ask for longer buckets, or for a shorter window"
        )


@dataclass(frozen=True)
class Window:
    """A span of time in buckets of one length, which begin at multiples of it since 1970."""

    start_ms: int
    end_ms: int
    bucket_ms: int

    @classmethod
    def of(cls, since_ms: int, now_ms: int, bucket_ms: int) -> "Window":
        """From the bucket that holds `since_ms` to that of now. Raises: TooManyBuckets."""
        start = since_ms - since_ms % bucket_ms
        window = cls(start, now_ms, bucket_ms)
        if window.count > MAX_BUCKETS:
            raise TooManyBuckets(window.count)
        return window

    @property
    def count(self) -> int:
        """How many buckets there are."""
        return max(1, math.ceil((self.end_ms + 1 - self.start_ms) / self.bucket_ms))

    def number(self, ms: int) -> int:
        """In which bucket a time is; below 0 before them all."""
        return (ms - self.start_ms) // self.bucket_ms


@dataclass(frozen=True)
class Cause:
    """Why runs failed: the code of the error, or else the name of its class."""

    name: str
    count: int


@dataclass(frozen=True)
class Bucket:
    """The runs that ended within it, and what was there at its end (of the last one: now).

    `waiting`: runs that had not started, delayed ones included. `running`: those that had, and had
    not ended; they may have slept or waited. `duration` is from the first start, `queued` from the
    creation to that.
    """

    at: datetime
    completed: int
    failed: int
    cancelled: int
    duration: Spread | None
    queued: Spread | None
    causes: tuple[Cause, ...]
    """The most frequent ones."""
    waiting: int
    running: int


@dataclass(frozen=True)
class Series:
    """Buckets, oldest first. With `is_sample` there were more runs than were counted."""

    buckets: tuple[Bucket, ...]
    is_sample: bool


def open_query(job_id: str | None, user_id: str | None) -> sa.Select[Any]:
    """Runs that have not ended, newest first, bounded."""
    query, states = runs_with_times(job_id, user_id)
    is_open = query.where(states.is_active)
    return is_open.order_by(tables.run.c.created_at.desc()).limit(MAX_ROWS + 1)


def failures_query(since_ms: int, job_id: str | None, user_id: str | None) -> sa.Select[Any]:
    """When and of what runs failed since a time, last ended first, bounded."""
    ended = ended_query(since_ms, job_id, user_id).with_only_columns(tables.run.c.run_id).subquery()
    states = run_states()
    columns: list[sa.ColumnElement[Any]] = [states.status, states.ended_at, states.error]
    return (
        sa.select(*columns)
        .select_from(states.join_ends(states.join(ended, ended.c.run_id), ended.c.run_id))
        .where(states.error.is_not(None))
        .order_by(states.ended_at.desc())
        .limit(MAX_CAUSES)
    )


def read_series(
    connection: sa.Connection, window: Window, *, job_id: str | None, user_id: str | None
) -> Series:
    """What happened in the buckets of a window."""
    at_one_moment(connection)
    since_ms = window.start_ms
    ended = list(connection.execute(ended_query(since_ms, job_id, user_id)))
    still = list(connection.execute(open_query(job_id, user_id)))
    is_sample = len(ended) > MAX_ROWS or len(still) > MAX_ROWS
    ended, still = ended[:MAX_ROWS], still[:MAX_ROWS]
    failures = connection.execute(failures_query(since_ms, job_id, user_id))
    causes = _causes(window, failures)
    waiting, running = _depths(window, [*ended, *still])
    by_bucket: list[list[Any]] = [[] for _ in range(window.count)]
    for row in ended:
        by_bucket[_within(window, row.ended_at)].append(row)
    buckets = tuple(
        _bucket(window, number, rows, causes[number], (waiting[number], running[number]))
        for number, rows in enumerate(by_bucket)
    )
    return Series(buckets, is_sample)


def _within(window: Window, ms: int) -> int:
    """The bucket of a time; clocks that are ahead of ours count as now."""
    return min(max(0, window.number(ms)), window.count - 1)


def _bucket(
    window: Window, number: int, rows: Sequence[Any], causes: Counter[str], depth: tuple[int, int]
) -> Bucket:
    counts: Counter[RunStatus] = Counter(row.status for row in rows)
    started = [row for row in rows if row.started_at is not None]
    return Bucket(
        at=at(window.start_ms + number * window.bucket_ms),
        completed=counts["completed"],
        failed=counts["failed"],
        cancelled=counts["cancelled"],
        duration=spread([row.ended_at - row.started_at for row in started]),
        queued=spread([row.started_at - row.created_at for row in started]),
        causes=tuple(Cause(name, count) for name, count in causes.most_common(SHOWN_CAUSES)),
        waiting=depth[0],
        running=depth[1],
    )


def _causes(window: Window, rows: Iterable[Any]) -> list[Counter[str]]:
    causes: list[Counter[str]] = [Counter() for _ in range(window.count)]
    for row in rows:
        if row.status == "failed":
            error = codec.loads(row.error)
            name = codec.code_of(error) or getattr(error, "name", type(error).__name__)
            causes[_within(window, row.ended_at)][name] += 1
    return causes


def _depths(window: Window, rows: Iterable[Any]) -> tuple[list[int], list[int]]:
    """How many runs waited, and how many ran, at the end of each bucket."""
    waiting, running = [0] * (window.count + 1), [0] * (window.count + 1)
    for row in rows:
        started, ended = row.started_at, row.ended_at
        _count_span(window, waiting, row.created_at, started if started is not None else ended)
        if started is not None:
            _count_span(window, running, started, ended)
    return _summed(waiting), _summed(running)


def _count_span(window: Window, changes: list[int], since: int, until: int | None) -> None:
    """Count what lasts from `since` until before `until` at each end of a bucket within it."""
    first = max(0, window.number(since))
    last = window.count if until is None else max(0, min(window.number(until), window.count))
    if first < last:
        changes[first] += 1
        changes[last] -= 1


def _summed(changes: Sequence[int]) -> list[int]:
    total, totals = 0, list[int]()
    for change in changes[:-1]:
        total += change
        totals.append(total)
    return totals
