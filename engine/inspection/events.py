"""Events for people and tools, with the runs that they started."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.errors import NotFound
from core.ids import RunId
from engine.dbos.states import run_states
from engine.events import WireEvent
from engine.inspection.pages import (
    Page,
    Position,
    at,
    event_of,
    has_field,
    has_text,
    scan,
    slice_of,
)
from engine.status import RunStatus
from engine.storage import tables
from engine.storage.effects import CANCEL

MAX_NAMED_RUNS = 100


class NoSuchEvent(NotFound):
    """No event has this id, or it has been swept."""

    code = "no_such_event"

    def __init__(self, event_id: str) -> None:
        super().__init__(f"no event {event_id!r}; events are swept after the retention time")
        self.event_id = event_id


@dataclass(frozen=True)
class EventFilter:
    """Which events, by the time they were received; as `RunFilter`."""

    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    field: tuple[str, Any] | None = None
    text: str | None = None
    user_id: str | None = None


@dataclass(frozen=True)
class RunOfEvent:
    """A run that an event has to do with, as it stands."""

    run_id: RunId
    job_id: str
    status: RunStatus


@dataclass(frozen=True)
class EventInfo:
    """An event and the runs it started (at most `MAX_NAMED_RUNS`, oldest first)."""

    event: WireEvent
    received_at: datetime
    user_id: str | None
    runs: tuple[RunOfEvent, ...]

    @property
    def run_ids(self) -> tuple[RunId, ...]:
        """Which they are."""
        return tuple(run.run_id for run in self.runs)


@dataclass(frozen=True)
class EventEffects:
    """What an event did to runs that it found (at most `MAX_NAMED_RUNS`), while they are kept."""

    ended_waits: tuple[tuple[RunOfEvent, str], ...]
    """Each with the step that waited."""
    cancelled: tuple[RunOfEvent, ...]
    """With those that they had invoked."""


def events_query_all() -> sa.Select[Any]:
    """Every event, as `event_of` takes it, with `at`."""
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
    query = events_query_all()
    at, row_id = event.received_at, event.id
    if which.user_id is not None:
        query = query.select_from(tables.owned.join(tables.event, event.id == owned.id))
        query = query.where(owned.kind == "event", owned.user_id == which.user_id)
        at, row_id = owned.at, owned.id
    if which.name is not None:
        query = query.where(event.name == which.name)
    return slice_of(query, at, row_id, which, after, limit)


def read_events(
    connection: sa.Connection, which: EventFilter, limit: int, after: Position | None
) -> Page[EventInfo]:
    """A page of events. A text that is the id of an event or of a run finds just that event."""
    fits_field, fits_text = has_field(which.field), has_text(which.text, "event_id", "event_name")
    if which.text is not None and after is None:
        rows = connection.execute(_named(which, which.text))
        named = [row for row in rows if fits_field(row)]
        if named:
            return Page(tuple(_with_runs(connection, named)), None)
    rows, cursor = scan(
        lambda position, size: list(connection.execute(events_query(which, position, size))),
        lambda row: fits_field(row) and fits_text(row),
        "event_id",
        after=after,
        limit=limit,
        is_exact=which.field is None and which.text is None,
    )
    return Page(tuple(_with_runs(connection, rows)), cursor)


def _named(which: EventFilter, name: str) -> sa.Select[Any]:
    """The event of this id, or that has started the run of this id."""
    run, event = tables.run.c, tables.event.c
    of_run = sa.select(run.event_id).where(run.run_id == name).scalar_subquery()
    return events_query(which, None, 2).where(event.id.in_((name, of_run)))


def read_event_info(connection: sa.Connection, event_id: str) -> EventInfo:
    """One event. Raises: NoSuchEvent."""
    row = connection.execute(events_query_all().where(tables.event.c.id == event_id)).first()
    if row is None:
        raise NoSuchEvent(event_id)
    [info] = _with_runs(connection, [row])
    return info


def _with_runs(connection: sa.Connection, rows: list[Any]) -> Iterator[EventInfo]:
    run, owned = tables.run.c, tables.owned.c
    for row in rows:
        event_id: str = row.event_id
        started = connection.execute(_runs_of_events().where(run.event_id == event_id))
        user = connection.execute(
            sa.select(owned.user_id).where(owned.kind == "event", owned.id == event_id)
        ).scalar()
        yield EventInfo(event_of(row), at(row.at), user, tuple(map(_run_of_event, started)))


def _runs_of_events() -> sa.Select[Any]:
    states, run = run_states(), tables.run
    columns: list[sa.ColumnElement[Any]] = [run.c.run_id, run.c.job_id, states.status]
    found = sa.select(*columns).select_from(states.join(run, run.c.run_id))
    return found.order_by(run.c.created_at, run.c.run_id).limit(MAX_NAMED_RUNS)


def _run_of_event(row: Any) -> RunOfEvent:
    return RunOfEvent(RunId(row.run_id), row.job_id, row.status)


def read_effects(
    connection: sa.Connection, event_id: str, user_id: str | None = None
) -> EventEffects:
    """What an event did to runs of this user; None: to anybody's."""
    effect, owned = tables.effect.c, tables.owned.c
    query = _runs_of_events().add_columns(effect.step_id).order_by(effect.step_id)
    query = query.where(effect.event_id == event_id, effect.run_id == tables.run.c.run_id)
    if user_id is not None:
        theirs = sa.and_(owned.kind == "run", owned.user_id == user_id, owned.id == effect.run_id)
        query = query.where(sa.select(owned.id).where(theirs).exists())
    rows = list(connection.execute(query))
    return EventEffects(
        tuple((_run_of_event(row), row.step_id) for row in rows if row.step_id != CANCEL),
        tuple(_run_of_event(row) for row in rows if row.step_id == CANCEL),
    )
