"""Lists of runs for people and tools, and how many there are."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.ids import EventId, RunId
from engine.dbos.states import run_states
from engine.events import ENDS
from engine.inspection.pages import (
    Page,
    Position,
    any_of,
    at,
    has_field,
    has_text,
    scan,
    slice_of,
)
from engine.inspection.run_info import instant
from engine.status import RunStatus
from engine.storage import codec, tables

MAX_NAMED = 200  # runs of an event that is named by its id
MAX_COUNTED = 20_000  # of the newest; `RunCounts.is_sample` says that there are more


@dataclass(frozen=True)
class RunFilter:
    """Which runs; what is None does not matter.

    `job_id` and `status` are one, or any of several. `field` is a path into the event and the value
    that must stand there (`("data.userId", 7)`). `text` stands in an id of the run, its job or its
    event, in the event's name, or in a value of its data; case does not matter. `since` and `until`
    bound the time of creation, `until` not included. `user_id` asks for the runs of that user's
    events.
    """

    job_id: str | Collection[str] | None = None
    status: RunStatus | Collection[RunStatus] | None = None
    event_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    field: tuple[str, Any] | None = None
    text: str | None = None
    user_id: str | None = None

    @property
    def one_job(self) -> str | None:
        """The job, where it is one: by that an index finds runs."""
        jobs = any_of(self.job_id)
        return next(iter(jobs)) if jobs is not None and len(jobs) == 1 else None

    @property
    def looks_inside(self) -> bool:
        """Whether the event of a run has to be read to decide about it."""
        return self.field is not None or self.text is not None


@dataclass(frozen=True)
class RunSummary:
    """A run in a list: without its result and its steps."""

    run_id: RunId
    job_id: str
    event_id: EventId
    event_name: str | None
    """None where the event has been swept."""
    parent_run_id: RunId | None
    status: RunStatus
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: Exception | None


@dataclass(frozen=True)
class RunCounts:
    """How many runs there are in each status; with `is_sample` only the newest were counted."""

    by_status: dict[RunStatus, int]
    is_sample: bool


def _candidates(which: RunFilter) -> tuple[sa.Select[Any], Any, Any]:
    """What an index decides of a filter, with the columns of time and id that order it."""
    run, owned = tables.run.c, tables.owned.c
    at, row_id = run.created_at, run.run_id
    found: Any = tables.run
    conditions: list[sa.ColumnElement[bool]] = []
    if which.user_id is not None:
        found = tables.owned.join(tables.run, run.run_id == owned.id)
        at, row_id = owned.at, owned.id
        conditions += [owned.kind == "run", owned.user_id == which.user_id]
    if which.one_job is not None:
        conditions.append(run.job_id == which.one_job)
    if which.event_id is not None:
        conditions.append(run.event_id == which.event_id)
    columns: list[sa.ColumnElement[Any]] = [
        run.run_id,
        run.job_id,
        run.event_id,
        run.parent_run_id,
        run.started_at.label("started_before"),
        at.label("at"),
    ]
    return sa.select(*columns).select_from(found).where(*conditions), at, row_id


def runs_query(which: RunFilter, after: Position | None, limit: int) -> sa.Select[Any]:
    """The next candidates in order: what an index decides is decided, the rest is not."""
    inner, at, row_id = _candidates(which)
    return _with_states(slice_of(inner, at, row_id, which, after, limit), which)


def _with_states(inner: sa.Select[Any], which: RunFilter) -> sa.Select[Any]:
    some = inner.subquery()
    states, event = run_states(), tables.event
    body = _body(which) if which.looks_inside else sa.null()
    return (
        sa.select(
            *some.c,
            states.status,
            sa.func.coalesce(some.c.started_before, states.started_at).label("started_at"),
            states.ended_at,
            states.error,
            event.c.name.label("event_name"),
            event.c.ts,
            event.c.v,
            body.label("body"),
        )
        .select_from(
            states.join_ends(states.join(some, some.c.run_id), some.c.run_id).outerjoin(
                event, event.c.id == some.c.event_id
            )
        )
        .order_by(some.c.at.desc(), some.c.run_id.desc())
    )


def _body(which: RunFilter) -> sa.ColumnElement[Any]:
    """What is looked at of an event. The end of a run tells of its error: not to its user."""
    event = tables.event.c
    if which.user_id is None:
        return event.body
    return sa.case((event.name.not_in(ENDS), event.body))


def read_summaries(
    connection: sa.Connection, which: RunFilter, limit: int, after: Position | None
) -> Page[RunSummary]:
    """A page of runs. A text that is the id of a run or an event finds just that, however old."""
    if which.text is not None and after is None:
        named = _named(connection, which, which.text)
        if named:
            return Page(named, None)
    rows, cursor = scan(
        lambda position, size: list(connection.execute(runs_query(which, position, size))),
        _fits(which),
        "run_id",
        after=after,
        limit=limit,
        is_exact=_is_exact(which),
    )
    return Page(tuple(map(_summary, rows)), cursor)


def _fits(which: RunFilter) -> Callable[[Any], bool]:
    """Whether a row is what no index has decided about it."""
    jobs, statuses = any_of(which.job_id), any_of(which.status)
    holds_field = has_field(which.field)
    holds_text = has_text(which.text, "run_id", "job_id", "event_id", "event_name")

    def fits(row: Any) -> bool:
        return (
            (statuses is None or row.status in statuses)
            and (jobs is None or row.job_id in jobs)
            and holds_field(row)
            and holds_text(row)
        )

    return fits


def _is_exact(which: RunFilter) -> bool:
    """Whether an index decides everything."""
    jobs_decided = which.job_id is None or which.one_job is not None
    return which.status is None and not which.looks_inside and jobs_decided


def _named(connection: sa.Connection, which: RunFilter, name: str) -> tuple[RunSummary, ...]:
    """The runs of which this is the id, or the id of their event, and that fit otherwise."""
    run = tables.run.c
    inner, at, row_id = _candidates(which)
    ids = sa.union(
        sa.select(run.run_id).where(run.run_id == name),
        sa.select(run.run_id).where(run.event_id == name),
    )
    wanted = inner.where(run.run_id.in_(ids.subquery().select()))
    bounded = slice_of(wanted, at, row_id, which, None, MAX_NAMED)
    fits = _fits(replace(which, text=None))
    rows: Iterable[Any] = connection.execute(_with_states(bounded, which))
    return tuple(_summary(row) for row in rows if fits(row))


def counted_query(which: RunFilter) -> sa.Select[Any]:
    """How many of the newest candidates there are, by job and status."""
    inner, at, row_id = _candidates(which)
    some = slice_of(inner, at, row_id, which, None, MAX_COUNTED).subquery()
    states = run_states()
    columns: list[sa.ColumnElement[Any]] = [
        some.c.job_id,
        states.status,
        sa.func.count().label("runs"),
    ]
    found = sa.select(*columns).select_from(states.join(some, some.c.run_id))
    return found.group_by(some.c.job_id, states.status)


def read_counts(connection: sa.Connection, which: RunFilter) -> RunCounts:
    """How many runs fit, by status; which status is asked for does not matter.

    Where the event decides, of as many as a page looks at.
    """
    which = replace(which, status=None)
    counts: dict[RunStatus, int] = {}
    if which.looks_inside:
        page = read_summaries(connection, which, MAX_COUNTED, None)
        for run in page.items:
            counts[run.status] = counts.get(run.status, 0) + 1
        return RunCounts(counts, page.next_cursor is not None)
    jobs, seen = any_of(which.job_id), 0
    for row in connection.execute(counted_query(which)):
        seen += row.runs
        if jobs is None or row.job_id in jobs:
            counts[row.status] = counts.get(row.status, 0) + row.runs
    return RunCounts(counts, seen >= MAX_COUNTED)


def _summary(row: Any) -> RunSummary:
    return RunSummary(
        run_id=RunId(row.run_id),
        job_id=row.job_id,
        event_id=EventId(row.event_id),
        event_name=row.event_name,
        parent_run_id=row.parent_run_id,
        status=row.status,
        created_at=at(row.at),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at),
        error=None if row.error is None else codec.loads(row.error),
    )


def replayed(connection: sa.Connection, run_ids: Collection[str]) -> set[str]:
    """Which of these runs have been repeated, in whatever way."""
    replay = tables.replay.c
    query = sa.select(replay.source_run_id).where(replay.source_run_id.in_(run_ids)).distinct()
    return set(connection.execute(query).scalars())
