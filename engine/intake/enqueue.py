"""Runs on their way into the queue of their job: with which place in line, owner and turn."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.dbos.host import Enqueued, Host
from engine.events import WireEvent
from engine.fairness import NO_KEY
from engine.intake.accepted import Accepted
from engine.intake.payload import RunPayload
from engine.job import Job
from engine.steps.slots import Want
from engine.storage import tables
from engine.storage.owners import own, owner_of, user_id_of
from engine.storage.tables import insert_new


@dataclass(frozen=True)
class NewRun:
    """A run to start: with what, because of which event, and when."""

    run_id: str
    event_id: str
    """Of the event that starts it; for a handler of failures the one that tells of the failure."""
    payload: RunPayload
    delay_ms: int = 0
    parent_run_id: str | None = None
    priority: int | None = None


def queue_of(job_id: str) -> str:
    """The queue that holds a job's runs."""
    return f"job:{job_id}"


def wants(job: Job[Any, Any], event: WireEvent) -> list[Want]:
    """The concurrency limits that apply to a run of this job that this event starts."""
    found: list[Want] = []
    for rule in job.concurrency:
        # What cannot be told is counted together.
        key = "" if rule.key is None else rule.key.key(event.as_json()) or "null"
        found.append(Want(f"{rule.prefix}:{key}", rule.limit, rule.counts))
    return found


class Enqueuing:
    """Enqueues the runs that this process makes."""

    def __init__(self, jobs: Mapping[str, Job[Any, Any]], host: Host) -> None:
        self._jobs = jobs
        self._host = host
        self._last_place = 0
        self._places = threading.Lock()

    def place_in_line(self, now_ms: int) -> int:
        """Behind everything that this process has accepted, also when the clock is set back."""
        with self._places:
            self._last_place = max(self._last_place + 1, now_ms * 1000)
            return self._last_place

    def enqueue(self, connection: sa.Connection, run: NewRun, accepted: Accepted) -> bool:
        """Enqueue one run; an id that exists changes nothing. Whether it is new."""
        payload = run.payload
        row = {
            "run_id": run.run_id,
            "job_id": payload.job_id,
            "event_id": run.event_id,
            "parent_run_id": run.parent_run_id,
            "created_at": accepted.now_ms,
        }
        queue = queue_of(payload.job_id)
        accepted.queues.add(queue)
        if not insert_new(connection, tables.run, row):
            return False
        user_id = user_id_of(payload.event.user)
        if user_id is None and run.parent_run_id is not None:
            user_id = owner_of(connection, "run", run.parent_run_id)
        own(connection, "run", run.run_id, user_id, accepted.now_ms)
        delayed = run.delay_ms > 0
        delay_s = run.delay_ms / 1000 if delayed else None
        turn = self._turn(payload)
        self._host.enqueue(
            connection,
            Enqueued(run.run_id, queue, payload.as_json(), delay_s, run.priority, turn),
        )
        if delayed:
            accepted.delayed_until_ms.append(accepted.now_ms + run.delay_ms)
        return True

    def _turn(self, payload: RunPayload) -> str | None:
        """The key under which the run takes its turn; None where its job has none."""
        job = self._jobs.get(payload.job_id)  # another process may know it
        if job is None or not job.flow.has_turns:
            return None
        if payload.handles is not None:
            return NO_KEY  # cleaning up waits for nobody
        return job.flow.turn(payload.event.as_json())
