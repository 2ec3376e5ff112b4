"""Looking at what the engine holds: runs, events, waits and queues, page by page.

Every query is bounded. What an index cannot decide (a status, a field of the event) is decided over
the newest `SCAN_ROWS` rows that are left: a page may then be short, or empty, with a `next_cursor`
that goes on where it stopped.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from core.errors import NotFound, Refused
from core.ids import EventId, RunId
from engine import codec, tables
from engine.dbos import private
from engine.errors import NoSuchRun
from engine.events import WireEvent
from engine.expressions import path_value
from engine.ledger import Ledger
from engine.metrics import JobMetrics, read_metrics
from engine.owners import owner_of
from engine.runs import (
    STATUS,
    FailedTry,
    RunInfo,
    RunStatus,
    StepRecord,
    instant,
    read_failed,
    read_run,
    read_steps,
)

T = TypeVar("T")

MAX_PAGE = 200
SCAN_ROWS = 5_000
SCAN_BYTES = 16 * 1024 * 1024  # of event bodies, when a field of theirs decides
CHUNK_ROWS = 500
MAX_CHILDREN = 100
MAX_NAMED_RUNS = 100


class BadCursor(Refused):
    """The cursor of a page was not made by this engine."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__("not a cursor of these pages; start without one")


class NoSuchEvent(NotFound):
    """No event has this id, or it has been swept."""

    code = "no_such_event"

    def __init__(self, event_id: str) -> None:
        super().__init__(f"no event {event_id!r}; events are swept after the retention time")
        self.event_id = event_id


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows; `next_cursor` is None when there are no more."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class RunFilter:
    """Which runs; what is None does not matter.

    `field` is a path into the event and the value that must stand there (`("data.userId", 7)`).
    `since` and `until` bound the time of creation, `until` not included. `user_id` asks for the
    runs of that user's events.
    """

    job_id: str | None = None
    status: RunStatus | None = None
    event_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    field: tuple[str, Any] | None = None
    user_id: str | None = None


@dataclass(frozen=True)
class EventFilter:
    """Which events, by the time they were received; as `RunFilter`."""

    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    field: tuple[str, Any] | None = None
    user_id: str | None = None


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
class OpenWait:
    """A run that waits for an event or for a signal, and until when."""

    run_id: RunId
    step_id: str
    event_name: str | None
    match: tuple[str, Any] | None
    condition: str | None
    signal: str | None
    deadline: datetime


@dataclass(frozen=True)
class RetryingStep:
    """A step (or, with step id "", the body) that failed and is, or will be, tried again."""

    step_id: str
    failed: tuple[FailedTry, ...]


@dataclass(frozen=True)
class RunDetail:
    """All there is to know of a run. Steps are those recorded; their inputs are not stored."""

    info: RunInfo
    event: WireEvent | None
    """What started it; None where it has been swept."""
    user_id: str | None
    parent_run_id: RunId | None
    children: tuple[RunId, ...]
    """The first `MAX_CHILDREN` runs that it invoked."""
    steps: tuple[StepRecord, ...]
    retrying: tuple[RetryingStep, ...]
    waits: tuple[OpenWait, ...]


@dataclass(frozen=True)
class EventInfo:
    """An event and the runs it started (at most `MAX_NAMED_RUNS`, oldest first)."""

    event: WireEvent
    received_at: datetime
    user_id: str | None
    run_ids: tuple[RunId, ...]


@dataclass(frozen=True)
class QueueDepth:
    """How many runs of a job have not ended, by status. Running ones may sleep or wait."""

    job_id: str
    queued: int
    scheduled: int
    running: int
    oldest_queued_at: datetime | None


class Inspection:
    """Read-only views for people and tools; `engine.inspect` gives one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def runs(
        self, which: RunFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RunSummary]:
        """Runs, newest first. Raises: BadCursor."""
        wanted, after = which or RunFilter(), _position(cursor)
        return await self._ledger.transact(_runs, wanted, _size(limit), after)

    async def run(self, run_id: str) -> RunDetail:
        """A run with its steps. Raises: NoSuchRun."""
        return await self._ledger.transact(_run, run_id)

    async def owner_of_run(self, run_id: str) -> str | None:
        """The `user.id` of the event behind a run; None for nobody's and for one there is not."""
        return await self._ledger.transact(owner_of, "run", run_id)

    async def events(
        self, which: EventFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[EventInfo]:
        """Events with what they started, last received first. Raises: BadCursor."""
        wanted, after = which or EventFilter(), _position(cursor)
        return await self._ledger.transact(_events, wanted, _size(limit), after)

    async def event(self, event_id: str) -> EventInfo:
        """One event. Raises: NoSuchEvent."""
        return await self._ledger.transact(_event, event_id)

    async def waits(self, *, limit: int = 50, cursor: str | None = None) -> Page[OpenWait]:
        """What runs wait for now, by run and step. Raises: BadCursor."""
        return await self._ledger.transact(_waits, _size(limit), cursor)

    async def queues(self) -> list[QueueDepth]:
        """The jobs that have runs which have not ended."""
        return await self._ledger.transact(_queues)

    async def metrics(
        self, since: datetime, *, job_id: str | None = None, user_id: str | None = None
    ) -> list[JobMetrics]:
        """How the runs did that ended between `since` and now, by job."""
        now_ms, since_ms = self._ledger.now_ms(), _ms(since)
        return await self._ledger.transact(
            read_metrics, since_ms=since_ms, now_ms=now_ms, job_id=job_id, user_id=user_id
        )


Position = tuple[int, str]
"""Where a page ended: the time of its last row, and its id."""


def _size(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    at, _, row_id = cursor.partition(":")
    if not (at.isascii() and at.isdigit() and len(at) <= 15 and row_id):  # noqa: PLR2004 - ms
        raise BadCursor
    return int(at), row_id


def _cursor(position: Position) -> str:
    return f"{position[0]}:{position[1]}"


def _slice_of(  # noqa: PLR0913, PLR0917 - the parts of one query
    query: sa.Select[Any],
    at: sa.ColumnElement[int],
    row_id: sa.ColumnElement[str],
    which: RunFilter | EventFilter,
    after: Position | None,
    limit: int,
) -> sa.Select[Any]:
    """The newest rows before a position, in the order of an index on (at, row_id)."""
    if which.since is not None:
        query = query.where(at >= _ms(which.since))
    if which.until is not None:
        query = query.where(at < _ms(which.until))
    if after is not None:
        # The first condition is what an index can start at, the second what is exact.
        query = query.where(at <= after[0], sa.or_(at < after[0], row_id < after[1]))
    return query.order_by(at.desc(), row_id.desc()).limit(limit)


def runs_query(which: RunFilter, after: Position | None, limit: int) -> sa.Select[Any]:
    """The next candidates in order: what an index decides is decided, status and field are not."""
    run, owned = tables.run.c, tables.owned.c
    at, row_id = run.created_at, run.run_id
    found: Any = tables.run
    conditions: list[sa.ColumnElement[bool]] = []
    if which.user_id is not None:
        found = tables.owned.join(tables.run, run.run_id == owned.id)
        at, row_id = owned.at, owned.id
        conditions += [owned.kind == "run", owned.user_id == which.user_id]
    if which.job_id is not None:
        conditions.append(run.job_id == which.job_id)
    if which.event_id is not None:
        conditions.append(run.event_id == which.event_id)
    columns: list[sa.ColumnElement[Any]] = [
        run.run_id,
        run.job_id,
        run.event_id,
        run.parent_run_id,
        at.label("at"),
    ]
    inner = sa.select(*columns).select_from(found).where(*conditions)
    some = _slice_of(inner, at, row_id, which, after, limit).subquery()
    status, output, event = *private.run_tables(), tables.event
    body = event.c.body if which.field is not None else sa.null()
    return (
        sa.select(
            *some.c,
            status.c.status,
            status.c.started_at_epoch_ms.label("started_at"),
            status.c.completed_at.label("ended_at"),
            sa.func.coalesce(output.c.error, status.c.error).label("error"),
            event.c.name.label("event_name"),
            event.c.ts,
            event.c.v,
            body.label("body"),
        )
        .select_from(
            some.join(status, status.c.workflow_uuid == some.c.run_id)
            .outerjoin(output, output.c.workflow_uuid == some.c.run_id)
            .outerjoin(event, event.c.id == some.c.event_id)
        )
        .order_by(some.c.at.desc(), some.c.run_id.desc())
    )


def _scan(  # noqa: PLR0913 - what to fetch, what to keep, from where
    fetch: Callable[[Position | None, int], list[Any]],
    fits: Callable[[Any], bool],
    row_id: str,
    *,
    after: Position | None,
    limit: int,
    is_exact: bool,
) -> tuple[list[Any], str | None]:
    """Fill a page from chunks of candidates; the rows and where the next page starts."""
    kept: list[Any] = []
    seen_rows = seen_bytes = 0
    chunk = limit + 1 if is_exact else CHUNK_ROWS
    while seen_rows < SCAN_ROWS and seen_bytes < SCAN_BYTES:
        rows = fetch(after, chunk)
        for row in rows:
            if len(kept) == limit:
                return kept, None if after is None else _cursor(after)
            after = (row.at, getattr(row, row_id))
            seen_bytes += len(row.body or "")
            if fits(row):
                kept.append(row)
        seen_rows += len(rows)
        if len(rows) < chunk:
            return kept, None
    return kept, None if after is None else _cursor(after)


def _has_field(field: tuple[str, Any] | None) -> Callable[[Any], bool]:
    if field is None:
        return lambda row: True  # noqa: ARG005 - the shape of the other one
    path, value = field
    wanted = json.dumps(value, sort_keys=True, separators=(",", ":"))

    def holds(row: Any) -> bool:
        return row.body is not None and path_value(_event_of(row).as_json(), path) == wanted

    return holds


def _event_of(row: Any) -> WireEvent:
    body = codec.loads(row.body)
    return WireEvent(row.event_name, body["data"], row.event_id, row.ts, row.v, body["user"])


def _runs(
    connection: sa.Connection, which: RunFilter, limit: int, after: Position | None
) -> Page[RunSummary]:
    has_field = _has_field(which.field)
    rows, cursor = _scan(
        lambda position, size: list(connection.execute(runs_query(which, position, size))),
        lambda row: which.status in {None, STATUS[row.status]} and has_field(row),
        "run_id",
        after=after,
        limit=limit,
        is_exact=which.status is None and which.field is None,
    )
    return Page(tuple(map(_summary, rows)), cursor)


def _summary(row: Any) -> RunSummary:
    return RunSummary(
        run_id=RunId(row.run_id),
        job_id=row.job_id,
        event_id=EventId(row.event_id),
        event_name=row.event_name,
        parent_run_id=row.parent_run_id,
        status=STATUS[row.status],
        created_at=_at(row.at),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at),
        error=None if row.error is None else codec.loads(row.error),
    )


def _at(ms: int) -> datetime:
    at = instant(ms)
    assert at is not None  # noqa: S101 - the column is never null
    return at


def _run(connection: sa.Connection, run_id: str) -> RunDetail:
    info = read_run(connection, run_id)
    if info is None:
        raise NoSuchRun(run_id)
    run = tables.run.c
    parent = connection.execute(sa.select(run.parent_run_id).where(run.run_id == run_id)).scalar()
    children = connection.execute(
        sa.select(run.run_id)
        .where(run.parent_run_id == run_id)
        .order_by(run.created_at, run.run_id)
        .limit(MAX_CHILDREN)
    ).scalars()
    steps = read_steps(connection, run_id)
    recorded = {step.step_id for step in steps}
    event = connection.execute(_events_query().where(tables.event.c.id == info.event_id)).first()
    open_waits = connection.execute(_waits_query().where(tables.wait.c.run_id == run_id))
    return RunDetail(
        info=info,
        event=None if event is None else _event_of(event),
        user_id=owner_of(connection, "run", run_id),
        parent_run_id=parent,
        children=tuple(map(RunId, children)),
        steps=tuple(steps),
        retrying=tuple(
            RetryingStep(step_id, tuple(failed))
            for step_id, failed in read_failed(connection, run_id).items()
            if step_id not in recorded and not info.has_ended
        ),
        waits=tuple(map(_open_wait, open_waits)),
    )


def _events_query() -> sa.Select[Any]:
    event = tables.event.c
    columns: list[sa.ColumnElement[Any]] = [
        event.id.label("event_id"),
        event.name.label("event_name"),
        event.body,
        event.ts,
        event.v,
        event.received_at.label("at"),
    ]
    return sa.select(*columns)


def events_query(which: EventFilter, after: Position | None, limit: int) -> sa.Select[Any]:
    """The next candidates in order; the field is not decided here."""
    event, owned = tables.event.c, tables.owned.c
    query = _events_query()
    at, row_id = event.received_at, event.id
    if which.user_id is not None:
        query = query.select_from(tables.owned.join(tables.event, event.id == owned.id))
        query = query.where(owned.kind == "event", owned.user_id == which.user_id)
        at, row_id = owned.at, owned.id
    if which.name is not None:
        query = query.where(event.name == which.name)
    return _slice_of(query, at, row_id, which, after, limit)


def _events(
    connection: sa.Connection, which: EventFilter, limit: int, after: Position | None
) -> Page[EventInfo]:
    rows, cursor = _scan(
        lambda position, size: list(connection.execute(events_query(which, position, size))),
        _has_field(which.field),
        "event_id",
        after=after,
        limit=limit,
        is_exact=which.field is None,
    )
    return Page(tuple(_with_runs(connection, rows)), cursor)


def _event(connection: sa.Connection, event_id: str) -> EventInfo:
    row = connection.execute(_events_query().where(tables.event.c.id == event_id)).first()
    if row is None:
        raise NoSuchEvent(event_id)
    [info] = _with_runs(connection, [row])
    return info


def _with_runs(connection: sa.Connection, rows: list[Any]) -> Iterator[EventInfo]:
    run, owned = tables.run.c, tables.owned.c
    for row in rows:
        event_id: str = row.event_id
        started = connection.execute(
            sa.select(run.run_id)
            .where(run.event_id == event_id)
            .order_by(run.created_at, run.run_id)
            .limit(MAX_NAMED_RUNS)
        ).scalars()
        user = connection.execute(
            sa.select(owned.user_id).where(owned.kind == "event", owned.id == event_id)
        ).scalar()
        yield EventInfo(_event_of(row), _at(row.at), user, tuple(map(RunId, started)))


def _waits_query() -> sa.Select[Any]:
    wait = tables.wait.c
    return sa.select(tables.wait).where(wait.answer.is_(None)).order_by(wait.run_id, wait.step_id)


def _waits(connection: sa.Connection, limit: int, cursor: str | None) -> Page[OpenWait]:
    wait, query = tables.wait.c, _waits_query().limit(limit + 1)
    if cursor is not None:
        run_id, step_id = _wait_position(cursor)
        query = query.where(
            wait.run_id >= run_id, sa.or_(wait.run_id > run_id, wait.step_id > step_id)
        )
    found = [_open_wait(row) for row in connection.execute(query)]
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


def _open_wait(row: Any) -> OpenWait:
    return OpenWait(
        run_id=RunId(row.run_id),
        step_id=row.step_id,
        event_name=row.event_name,
        match=None if row.match_path is None else (row.match_path, json.loads(row.match)),
        condition=row.condition,
        signal=row.signal,
        deadline=_at(row.deadline),
    )


def _queues(connection: sa.Connection) -> list[QueueDepth]:
    status, run = private.run_tables()[0].c, tables.run.c
    counts: dict[str, dict[RunStatus, int]] = {}
    oldest: dict[str, int] = {}
    query = (
        sa.select(run.job_id, status.status, sa.func.count(), sa.func.min(run.created_at))
        .select_from(tables.run)
        .join(private.run_tables()[0], status.workflow_uuid == run.run_id)
        .where(status.status.in_(["ENQUEUED", "DELAYED", "PENDING"]))
        .group_by(run.job_id, status.status)
    )
    for job_id, stored, count, first in connection.execute(query):
        counts.setdefault(job_id, {})[STATUS[stored]] = count
        if STATUS[stored] == "queued":
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
