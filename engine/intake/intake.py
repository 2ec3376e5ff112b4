"""What an event sets in motion, as one transaction: cancels, and runs of the jobs that match."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.ids import EventId, RunId
from engine.dbos import claiming, dbos_rows
from engine.dbos.host import Host
from engine.errors import NoSuchJob
from engine.events import CANCELLED, ENDS, FAILED, SentEvent, WireEvent
from engine.intake.accepted import Accepted
from engine.intake.cancel_rules import forget_watch, runs_to_cancel, take_overdue, watch
from engine.intake.ends import settle
from engine.intake.enqueue import Enqueuing, NewRun, queue_of, wants
from engine.intake.flow import admit
from engine.intake.gather import Joined, Joining, join
from engine.intake.payload import FailedRun, RunPayload
from engine.job import Job, fitted_to
from engine.steps.context import RunError
from engine.steps.slots import leave_queues, queue_up
from engine.steps.waits import answer_signal, answer_waits, close_waits
from engine.steps.working import note_waits
from engine.storage import codec, tables
from engine.storage.effects import note_cancels
from engine.storage.eventlog import (
    cancelled_id,
    cause_of,
    comes_of_an_end,
    event_body,
    failed_id,
    failure_run_id,
    read_event,
    runs_started_by,
    store_event,
    with_told_ends,
)
from engine.storage.notices import Notice, publish
from engine.storage.owners import disclaim, owner_of, user_id_of


@dataclass(frozen=True)
class Invocation:
    """A run that a step of another one starts; the id of its event is its own."""

    run_id: str
    job_id: str
    event: WireEvent
    parent_run_id: str


def is_started_by(job: Job[Any, Any], event: WireEvent) -> bool:
    """Whether an event fits one of a job's triggers."""
    return any(
        rule.takes(event.name) and (rule.when is None or rule.when.holds(event.as_json()))
        for rule in job.triggers
    )


class Intake:
    """Accepts events for a fixed set of jobs."""

    def __init__(self, jobs: Mapping[str, Job[Any, Any]], host: Host, executor_id: str) -> None:
        self._jobs = jobs
        self._executor_id = executor_id
        self.runs = Enqueuing(jobs, host)

    def job(self, job_id: str) -> Job[Any, Any]:
        """The job of this id.

        Raises:
            NoSuchJob: it is not one of this engine's.
        """
        found = self._jobs.get(job_id)
        if found is None:
            raise NoSuchJob(job_id)
        return found

    def accept(
        self, connection: sa.Connection, events: Sequence[WireEvent], now_ms: int
    ) -> Accepted:
        """Store events and start what they start; the same event again changes nothing.

        Raises:
            BadEvent: one is too large.
        """
        accepted = Accepted(now_ms)
        for event in events:
            self._accept_one(connection, event, accepted)
        self.publish(connection, accepted)
        return accepted

    def publish(self, connection: sa.Connection, accepted: Accepted) -> None:
        """Tell the other processes, once this transaction has been committed."""
        notice = Notice(
            self._executor_id,
            queues=tuple(accepted.queues),
            cancelled=tuple(accepted.cancelled),
            places=tuple(accepted.granted),
            woken=tuple(accepted.woken),
        )
        publish(connection, notice)

    def _accept_one(self, connection: sa.Connection, event: WireEvent, accepted: Accepted) -> None:
        body = event_body(event)
        again = store_event(connection, event, body, accepted.now_ms)
        if again is None:
            accepted.sent.append(self._duplicate(connection, event, accepted))
            return
        hits = runs_to_cancel(connection, self._jobs, event, accepted.now_ms)
        if hits:
            before = len(accepted.cancelled)
            self.cancel(connection, hits, accepted)
            note_cancels(connection, event.id, accepted.cancelled[before:])
        accepted.woken += answer_waits(
            connection, event, accepted.now_ms, lambda run_id: cause_of(connection, run_id)
        )
        run_ids: list[RunId] = []
        for job in self._hearing(connection, event):
            if is_started_by(job, event):
                run_id = f"{job.id}:{event.id}{again}"
                found = self._admit_and_start(connection, job, run_id, event, accepted)
                if found is not None:
                    run_ids.append(RunId(found))
        accepted.sent.append(SentEvent(EventId(event.id), tuple(run_ids)))

    def _hearing(self, connection: sa.Connection, event: WireEvent) -> Iterable[Job[Any, Any]]:
        """The jobs that an event may start: what such events feed does not feed them."""
        if event.name not in ENDS:
            return self._jobs.values()
        if comes_of_an_end(connection, event):
            return ()
        return (job for job in self._jobs.values() if job.id != event.data.get("jobId"))

    def _admit_and_start(
        self,
        connection: sa.Connection,
        job: Job[Any, Any],
        run_id: str,
        event: WireEvent,
        accepted: Accepted,
    ) -> str | None:
        """Start a run, or let a gathering one have the event; the run's id, None for no run."""
        admission = admit(connection, job.flow, job.id, run_id, event, accepted.now_ms)
        if admission is None:
            return None
        if admission.replaces:
            self.cancel(connection, admission.replaces, accepted)
        position = self.runs.place_in_line(accepted.now_ms) - admission.ahead_s * 1_000_000
        delay_ms = max(event.ts_ms - accepted.now_ms, admission.delay_ms)
        rule, gathered_by = job.flow.gathering(event.as_json()), None
        if rule is not None:
            key = job.flow.gathering_key(job.id, event.as_json(), run_id)
            size = len(codec.dumps(event.data))
            joined = join(connection, Joining(key, event, size, run_id), rule, accepted.now_ms)
            if not joined.is_new:
                self._joined(connection, job, joined, event, accepted)
                return joined.run_id
            gathered_by, delay_ms = run_id, joined.delay_ms
        payload = RunPayload(job.id, event, position, admission.throttled_by, gathered_by)
        new = NewRun(run_id, event.id, payload, delay_ms, priority=admission.priority)
        self.runs.enqueue(connection, new, accepted)
        if delay_ms <= 0:
            for want in wants(job, event):
                queue_up(connection, want, run_id, position)
        watch(connection, job, run_id, event, now_ms=accepted.now_ms, delay_ms=delay_ms)
        return run_id

    def _joined(
        self,
        connection: sa.Connection,
        job: Job[Any, Any],
        joined: Joined,
        event: WireEvent,
        accepted: Accepted,
    ) -> None:
        """A run that exists has been given one more event."""
        run_id = joined.run_id
        if owner_of(connection, "run", run_id) != user_id_of(event.user):
            disclaim(connection, "run", [run_id])  # what holds two people's events is nobody's
        if joined.delay_ms:
            accepted.delayed_until_ms.append(accepted.now_ms + joined.delay_ms)
        accepted.queues.add(queue_of(job.id))
        if joined.is_cause:  # it is another one than before
            forget_watch(connection, run_id)
            now_ms, delay_ms = accepted.now_ms, joined.delay_ms
            watch(connection, job, run_id, event, now_ms=now_ms, delay_ms=delay_ms)

    def trigger(
        self, connection: sa.Connection, job_id: str, events: Sequence[WireEvent], now_ms: int
    ) -> Accepted:
        """Start runs of one job, whatever its triggers; its flow control applies.

        Raises:
            NoSuchJob: there is no such job.
            BadEvent: the data is too large.
        """
        accepted = Accepted(now_ms)
        job = self.job(job_id)
        for event in events:
            again = store_event(connection, event, event_body(event), now_ms)
            if again is None:
                accepted.sent.append(self._duplicate(connection, event, accepted))
                continue
            run_id = f"{job.id}:{event.id}{again}"
            found = self._admit_and_start(connection, job, run_id, event, accepted)
            run_ids = () if found is None else (RunId(found),)
            accepted.sent.append(SentEvent(EventId(event.id), run_ids))
        self.publish(connection, accepted)
        return accepted

    def announce_failure(  # noqa: PLR0913, PLR0917 - one failure: of what, of which, why
        self,
        connection: sa.Connection,
        job: Job[Any, Any],
        run_id: str,
        cause: WireEvent | None,
        error: RunError,
        accepted: Accepted,
    ) -> None:
        """Say that a run has failed for good, and start its job's on_failure; once per run."""
        now_ms = accepted.now_ms
        data = end_data(run_id, job.id, cause) | {"error": error.as_json()}
        event = WireEvent(FAILED, data, failed_id(run_id), now_ms)
        self._accept_one(connection, event, accepted)
        if job.on_failure is not None and cause is not None:
            payload = RunPayload(
                job.id,
                cause,
                self.runs.place_in_line(now_ms),
                gathered_by=run_id if job.flow.gathers else None,
                handles=FailedRun(RunId(run_id), error),
            )
            handler = NewRun(failure_run_id(run_id), event.id, payload)
            self.runs.enqueue(connection, handler, accepted)
        self.publish(connection, accepted)

    def set_aside(
        self, connection: sa.Connection, run_id: str, owner: str, now_ms: int
    ) -> Accepted:
        """End a run that has been claimed once too often: its processes kept dying."""
        accepted = Accepted(now_ms)
        if not claiming.set_aside(connection, run_id, owner):
            return accepted
        accepted.granted += settle(connection, run_id, self._executor_id)
        query = sa.select(tables.run.c.job_id).where(tables.run.c.run_id == run_id)
        job = self._jobs.get(connection.execute(query).scalar() or "")
        cause = cause_of(connection, run_id)
        if job is not None:
            message = "the process died too often while it executed this run"
            error = RunError("TooManyRecoveries", message, None, "too_many_recoveries")
            self.announce_failure(connection, job, run_id, cause, error, accepted)
        return accepted

    def cancel_overdue(self, connection: sa.Connection, now_ms: int) -> Accepted:
        """Cancel the runs whose time to start or to finish is over."""
        accepted = Accepted(now_ms)
        run_ids = take_overdue(connection, now_ms)
        if run_ids:
            self.cancel(connection, run_ids, accepted)
            self.publish(connection, accepted)
        return accepted

    def _duplicate(
        self, connection: sa.Connection, event: WireEvent, accepted: Accepted
    ) -> SentEvent:
        runs = runs_started_by(connection, event.id)
        # The first send may have been committed by a process that died before it woke anyone.
        accepted.queues.update(queue_of(job_id) for _, job_id in runs)
        return SentEvent(EventId(event.id), tuple(RunId(run) for run, _ in runs), duplicate=True)

    def invoke(self, connection: sa.Connection, call: Invocation, now_ms: int) -> Accepted:
        """Start a child run, once, however often it is asked for.

        A job that is not known here may be another process's, where there are others.

        Raises:
            NoSuchJob: on SQLite, where there are none.
            BadEvent: the data does not fit the job's model, or is too large.
        """
        accepted = Accepted(now_ms)
        job = self._jobs.get(call.job_id)
        alone = connection.dialect.name == "sqlite"
        if job is None and alone and dbos_rows.run_row(connection, call.run_id) is None:
            raise NoSuchJob(call.job_id)  # a run that is there waits for code that knows its job
        event = call.event if job is None else fitted_to(job, call.event)
        store_event(connection, event, event_body(event), now_ms)
        payload = RunPayload(call.job_id, event, self.runs.place_in_line(now_ms))
        run_id, parent = RunId(call.run_id), call.parent_run_id
        child = NewRun(run_id, event.id, payload, parent_run_id=parent)
        is_new = self.runs.enqueue(connection, child, accepted)
        if is_new and job is not None:
            watch(connection, job, run_id, event, now_ms=now_ms)
        accepted.sent.append(SentEvent(EventId(event.id), (run_id,)))
        self.publish(connection, accepted)
        return accepted

    def signal(self, connection: sa.Connection, signal: str, data: Any, now_ms: int) -> Accepted:
        """Answer the run that waits for a signal."""
        accepted = Accepted(now_ms, woken=answer_signal(connection, signal, data))
        self.publish(connection, accepted)
        return accepted

    def cancel(self, connection: sa.Connection, run_ids: Sequence[str], accepted: Accepted) -> None:
        """Cancel runs and those they invoked; `engine/function.cancelled` events say so.

        A run whose end has been told stays: its result or its `on_failure` is on its way already.
        """
        frontier = list(run_ids)
        while frontier:
            cancelled = dbos_rows.hold_active(connection, frontier)
            if cancelled:
                told = with_told_ends(connection, cancelled)
                cancelled = [run_id for run_id in cancelled if run_id not in told]
                dbos_rows.cancel(connection, cancelled)
            accepted.cancelled += cancelled
            for run_id in cancelled:
                self._announce(connection, run_id, accepted)
            children = sa.select(tables.run.c.run_id).where(
                tables.run.c.parent_run_id.in_(frontier)
            )
            frontier = list(connection.execute(children).scalars())

    def _announce(self, connection: sa.Connection, run_id: str, accepted: Accepted) -> None:
        forget_watch(connection, run_id)
        note_waits(connection, run_id, accepted.now_ms)
        close_waits(connection, run_id)
        accepted.granted += leave_queues(connection, run_id)
        row = connection.execute(
            sa.select(tables.run.c.job_id, tables.run.c.event_id).where(
                tables.run.c.run_id == run_id
            )
        ).one_or_none()
        if row is None:
            return
        cause = read_event(connection, row.event_id)
        data = end_data(run_id, row.job_id, cause)
        event = WireEvent(CANCELLED, data, cancelled_id(run_id), accepted.now_ms)
        self._accept_one(connection, event, accepted)
        accepted.sent.pop()  # the caller sent something else


def end_data(run_id: str, job_id: str, cause: WireEvent | None) -> dict[str, Any]:
    """What the events that say how a run has ended have in common."""
    event = None if cause is None else cause.as_json()
    return {"runId": run_id, "jobId": job_id, "event": event}
