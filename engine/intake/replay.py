"""Runs again: a new run that takes over recorded steps of one that has ended."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.errors import CannotReplay, NoSuchRun, NoSuchStep, RunFailed
from engine.events import WireEvent
from engine.inspection.run_info import RunInfo, read_run
from engine.intake.accepted import Accepted
from engine.intake.cancel_rules import watch
from engine.intake.enqueue import NewRun
from engine.intake.gather import gathered_events
from engine.intake.intake import Intake
from engine.intake.payload import RunPayload
from engine.job import Job, edited
from engine.storage import tables
from engine.storage.eventlog import cause_of, event_body, handles_failure, store_event
from engine.storage.tables import insert_new


@dataclass(frozen=True)
class Again:
    """What a new run takes over, and the step from which on it does not; None for no step."""

    keeps: tuple[int, ...]
    from_step: str | None


@dataclass(frozen=True)
class Edited:
    """Other data for the event of a run that is repeated: an event of its own, with this id."""

    event_id: str
    data: Mapping[str, Any]


Choose = Callable[[RunInfo, Sequence[dbos_rows.StepRow]], Again]


def from_failure(run: RunInfo, steps: Sequence[dbos_rows.StepRow]) -> Again:
    """Take over what a failed or cancelled run has done, without the step that failed it.

    Steps that started after that one had failed go, too: they belong to a rollback or a fallback.

    Raises:
        CannotReplay: the run has completed.
    """
    if run.status not in {"failed", "cancelled"}:
        raise CannotReplay(run.run_id, f"is {run.status}: only failed and cancelled runs replay")
    failed = _failed_step(run, steps)
    if failed is None:
        return Again(tuple(step.number for step in steps), None)
    failed_at = failed.ended_at or 0
    keeps = tuple(
        step.number
        for step in steps
        if step.number < failed.number
        or (step.number > failed.number and (step.started_at or 0) < failed_at)
    )
    return Again(keeps, failed.name)


def _with_other_data(
    connection: sa.Connection, job: Job[Any, Any], cause: WireEvent, edit: Edited, now_ms: int
) -> WireEvent:
    """The edited event: stored like any other, and sent to nobody else."""
    event = replace(edited(cause, job, edit.data), id=edit.event_id, ts_ms=now_ms)
    store_event(connection, event, event_body(event), now_ms)
    return event


def _failed_step(run: RunInfo, steps: Sequence[dbos_rows.StepRow]) -> dbos_rows.StepRow | None:
    """The step that made a run fail: the one it names, or the last to end where the body raised."""
    if isinstance(run.error, RunFailed) and run.error.step_id is not None:
        wanted = run.error.step_id
        return next((step for step in steps if step.name == wanted), None)
    last = max(steps, key=lambda step: (step.ended_at or 0, step.number), default=None)
    return last if last is not None and last.error is not None else None


def from_step(step_id: str) -> Choose:
    """Take over what had been recorded when this step started."""

    def choose(run: RunInfo, steps: Sequence[dbos_rows.StepRow]) -> Again:
        chosen = next((step for step in steps if step.name == step_id), None)
        if chosen is None:
            raise NoSuchStep(run.run_id, step_id, [step.name for step in steps])
        started_at = chosen.started_at or 0
        keeps = tuple(
            step.number
            for step in steps
            if step.number < chosen.number and (step.ended_at or 0) <= started_at
        )
        return Again(keeps, step_id)

    return choose


def from_start(_run: RunInfo, _steps: Sequence[dbos_rows.StepRow]) -> Again:
    """Take over nothing."""
    return Again((), None)


def run_again(  # noqa: PLR0913 - what is repeated, and how
    connection: sa.Connection,
    intake: Intake,
    run_ids: tuple[str, str],
    choose: Choose,
    now_ms: int,
    *,
    edit: Edited | None = None,
) -> Accepted:
    """Start a run (the second id) that repeats another (the first id), with its event or another.

    An id that exists changes nothing.

    Raises:
        NoSuchRun: there is no such run, or its event has been swept.
        CannotReplay: it has not ended, or `choose` does not want it.
        NoSuchStep: it has recorded no such step.
        NoSuchJob: its job is not known here.
        BadEvent: the other data does not fit the job.
    """
    source, target = run_ids
    accepted = Accepted(now_ms)
    run, cause = read_run(connection, source), cause_of(connection, source)
    if run is None or cause is None:
        raise NoSuchRun(source)
    if handles_failure(source, cause.id):
        raise CannotReplay(source, "handles the failure of another: replay that one")
    if not run.has_ended:
        raise CannotReplay(source, f"is {run.status}: wait for its end, or cancel it")
    job = intake.job(run.job_id)
    again = choose(run, dbos_rows.step_rows(connection, source))
    row = {"run_id": target, "source_run_id": source, "from_step": again.from_step}
    if not insert_new(connection, tables.replay, row):
        return accepted  # this transaction had been committed before its connection was lost
    gathered = gathered_events(connection, source)
    if edit is not None:
        if gathered:
            raise CannotReplay(source, "has several events: only what has one takes other data")
        cause = _with_other_data(connection, job, cause, edit, now_ms)
    for number, event in enumerate(gathered):
        row = {"run_id": target, "number": number, "event_id": event.id, "at": 0}
        insert_new(connection, tables.gathered, row)  # 0: it is no answer to a duplicate
    gathered_by = target if gathered else None
    payload = RunPayload(job.id, cause, position=now_ms * 1000, gathered_by=gathered_by)
    intake.runs.enqueue(connection, NewRun(target, cause.id, payload), accepted)
    watch(connection, job, target, cause, now_ms=now_ms)
    dbos_rows.copy_steps(connection, source, target, again.keeps)
    intake.publish(connection, accepted)
    return accepted
