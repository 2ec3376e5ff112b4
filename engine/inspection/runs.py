"""Runs for people and tools: in lists, and one with all there is to know of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.ids import EventId, RunId
from engine.dbos import dbos_rows
from engine.dbos.states import run_states
from engine.errors import NoSuchRun
from engine.events import WireEvent
from engine.inspection.events import events_query_all
from engine.inspection.holds import Hold, read_hold
from engine.inspection.pages import Page, Position, at, event_of, has_field, scan, slice_of
from engine.inspection.run_info import (
    FailedTry,
    RunInfo,
    StepRecord,
    instant,
    read_failed,
    read_run,
    read_steps,
)
from engine.inspection.timeline import Begun, Child, Found, StepLine, time_line
from engine.inspection.waits import OpenWait, open_wait, waits_query
from engine.status import RunStatus
from engine.storage import codec, tables
from engine.storage.owners import owner_of

MAX_CHILDREN = 100
MAX_STEPS = 1000  # as many as a run has


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
class RetryingStep:
    """A step (or, with step id "", the body) that failed and is, or will be, tried again."""

    step_id: str
    failed: tuple[FailedTry, ...]


@dataclass(frozen=True)
class RunDetail:
    """All there is to know of a run. `steps` are those recorded, each with the input it kept."""

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
    time_line: tuple[StepLine, ...]
    hold: Hold | None
    """Why it does not execute yet."""
    worker: str | None
    """The process that executes it, or did last."""
    repeats: RunId | None
    """The run that this one replays or reruns."""


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
        run.started_at.label("started_before"),
        at.label("at"),
    ]
    inner = sa.select(*columns).select_from(found).where(*conditions)
    some = slice_of(inner, at, row_id, which, after, limit).subquery()
    states, event = run_states(), tables.event
    body = event.c.body if which.field is not None else sa.null()
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


def read_summaries(
    connection: sa.Connection, which: RunFilter, limit: int, after: Position | None
) -> Page[RunSummary]:
    """A page of runs."""
    fits_field = has_field(which.field)
    rows, cursor = scan(
        lambda position, size: list(connection.execute(runs_query(which, position, size))),
        lambda row: which.status in {None, row.status} and fits_field(row),
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
        status=row.status,
        created_at=at(row.at),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at),
        error=None if row.error is None else codec.loads(row.error),
    )


def read_detail(
    connection: sa.Connection, run_id: str, now_ms: int, throttled: Collection[str] = ()
) -> RunDetail:
    """A run with its steps; `throttled` are the jobs that have a throttle. Raises: NoSuchRun."""
    info, row = read_run(connection, run_id), dbos_rows.run_row(connection, run_id)
    if info is None or row is None:
        raise NoSuchRun(run_id)
    run = tables.run.c
    parent = connection.execute(sa.select(run.parent_run_id).where(run.run_id == run_id)).scalar()
    children = _children(connection, run_id)
    failed = read_failed(connection, run_id)
    steps = read_steps(connection, run_id)
    recorded = {step.step_id for step in steps}
    event = connection.execute(events_query_all().where(tables.event.c.id == info.event_id)).first()
    open_waits = [
        open_wait(row)
        for row in connection.execute(waits_query().where(tables.wait.c.run_id == run_id))
    ]
    found = Found(steps, failed, _begun(connection, run_id), open_waits, children)
    replay = tables.replay.c
    repeats = sa.select(replay.source_run_id).where(replay.run_id == run_id)
    return RunDetail(
        info=info,
        event=None if event is None else event_of(event),
        user_id=owner_of(connection, "run", run_id),
        parent_run_id=parent,
        children=tuple(child.run_id for child in children.values())[:MAX_CHILDREN],
        steps=tuple(steps),
        retrying=tuple(
            RetryingStep(step_id, tuple(tries))
            for step_id, tries in failed.items()
            if step_id not in recorded and not info.has_ended
        ),
        waits=tuple(open_waits),
        time_line=time_line(info, found, at(now_ms)),
        hold=read_hold(connection, run_id, row, is_throttled=info.job_id in throttled),
        worker=row.executor_id,
        repeats=connection.execute(repeats).scalar(),
    )


def _children(connection: sa.Connection, run_id: str) -> dict[str, Child]:
    """The runs that a run has invoked, by the step that did, oldest first."""
    states, run = run_states(), tables.run.c
    query = (
        sa.select(run.run_id, states.status, run.created_at)
        .select_from(states.join(tables.run, run.run_id))
        .where(run.parent_run_id == run_id)
        .order_by(run.created_at, run.run_id)
        .limit(MAX_STEPS)
    )
    return {
        child_id.removeprefix(f"{run_id}:"): Child(RunId(child_id), status, at(created_at))
        for child_id, status, created_at in connection.execute(query)
    }


def _begun(connection: sa.Connection, run_id: str) -> list[Begun]:
    working = tables.working.c
    query = sa.select(tables.working).where(working.run_id == run_id).limit(MAX_STEPS)
    return [
        Begun(row.step_id, row.attempt, row.kind, at(row.started_at), instant(row.until))
        for row in connection.execute(query)
    ]
