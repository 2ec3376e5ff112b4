"""One run with all there is to know of it."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from core.ids import RunId
from engine.dbos import dbos_rows
from engine.dbos.states import run_states
from engine.errors import NoSuchRun
from engine.events import WireEvent
from engine.inspection.events import events_query_all
from engine.inspection.holds import Hold, read_hold
from engine.inspection.pages import at, event_of
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
from engine.storage import tables
from engine.storage.owners import owner_of
from engine.storage.snapshot import at_one_moment

MAX_CHILDREN = 100
MAX_STEPS = 1000  # as many as a run has


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


def read_detail(
    connection: sa.Connection, run_id: str, now_ms: int, throttled: Collection[str] = ()
) -> RunDetail:
    """A run with its steps; `throttled` are the jobs that have a throttle. Raises: NoSuchRun."""
    at_one_moment(connection)
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
