"""Runs that the dispatcher has claimed: entered, executed, and left."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from core.ids import RunId
from engine.dbos import private, recorded
from engine.events import FINISHED
from engine.intake.accepted import Accepted
from engine.intake.ends import Ends
from engine.intake.enqueue import wants
from engine.intake.gather import gathered_events, latest
from engine.intake.intake import Intake
from engine.intake.payload import RunPayload
from engine.intake.throttles import Start
from engine.job import Job
from engine.live import LiveRun, LiveRuns
from engine.middleware import Hooks, Middleware
from engine.steps.context import Provided
from engine.steps.dbos_journal import DbosJournal, Records
from engine.steps.durable import RunState
from engine.steps.journal import History
from engine.steps.naming import StepNames
from engine.steps.sleep import Sleepers
from engine.steps.slots import Gate, Slots
from engine.steps.steps import Steps
from engine.steps.time import ClockTime
from engine.steps.working import Working
from engine.storage import tables
from engine.storage.tables import insert_new
from engine.storage.transactions import Ledger
from engine.workers.announcing import EventAnnouncer
from engine.workers.execution import Execution
from engine.workers.outside import RunOutside
from engine.workers.pacing import Pacing


@dataclass(frozen=True)
class Parts:
    """What the runner works with; all of it belongs to the engine."""

    ledger: Ledger
    intake: Intake
    slots: Slots
    live: LiveRuns
    histories: dict[str, History]
    """Those of runs that are about to start again, as far as they have been read."""
    provided: Provided
    act: Callable[[Accepted], None]
    """Wake what a committed transaction concerns."""
    outside: RunOutside
    working: Working
    ends: Ends
    trusted_s: float
    """See `Records`."""
    pacing: Pacing
    watch_end: Callable[[str, asyncio.Task[Any]], None]
    """See `EndHooks.watch`."""
    middleware: tuple[Middleware, ...] = ()
    sleepers: Sleepers = field(default_factory=Sleepers)


class Runner:
    """Executes runs that the dispatcher has claimed."""

    def __init__(self, jobs: Mapping[str, Job[Any, Any]], parts: Parts) -> None:
        self._jobs = jobs
        self._parts = parts
        self._ledger = parts.ledger
        self._time = ClockTime(parts.ledger, parts.sleepers)
        self._records = Records(
            parts.ledger,
            parts.outside.waits,
            parts.working,
            parts.outside.close_wait,
            parts.trusted_s,
        )
        self._hooks = {
            job.id: Hooks.of((*parts.middleware, *job.middleware)) for job in jobs.values()
        }
        listeners = (rule for job in jobs.values() for rule in job.triggers)
        ends_are_heard = any(rule.takes(FINISHED) for rule in listeners)
        self._announcer = EventAnnouncer(
            parts.intake, parts.ledger, parts.act, ends_are_heard=ends_are_heard
        )

    async def execute(self, stored: dict[str, Any]) -> Any:
        """The body of every DBOS workflow. Returns the job's result as JSON.

        Raises:
            RunFailed: the run has failed for good, and that has been announced.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a run needs a task")
        run_id, owner = private.current_run_id(), recorded.owner()
        self._parts.watch_end(run_id, task)
        payload = RunPayload.from_json(stored)
        job = self._jobs[payload.job_id]
        live = LiveRun(run_id, job.id, task)
        self._parts.live.add(live)
        if payload.gathered_by is not None:
            payload = await self._with_events(payload, job, payload.gathered_by)
        # Cleanup after a failure is not limited.
        limits = wants(job, payload.event) if payload.handles is None else []
        gate = Gate(self._parts.slots, run_id, limits, payload.position)
        is_first = run_id in self._parts.live.first_time
        is_interrupted = False
        try:
            journal = DbosJournal(self._records, live, owner)
            history = await self._history(live, journal)
            await self._enter(job, live, gate, payload, is_first=is_first)
            await self._limit_time(job, run_id)
            hooks, names = self._hooks[job.id], StepNames(task)
            outside, provided = self._parts.outside, self._parts.provided
            state = RunState(live, job.retry, hooks, journal, self._time, gate, names, outside)
            steps = Steps(state, history, cause=payload.event)
            execution = Execution(
                job, RunId(run_id), payload, state, history, steps, provided, self._announcer
            )
            return await execution.result()
        except asyncio.CancelledError:
            is_interrupted = True
            raise
        finally:
            has_waited = self._parts.outside.waits.has_waited(run_id) or not is_first
            has_rows = job.concurrency or job.cancel_on or job.flow.options or has_waited
            if has_rows and not is_interrupted:
                self._parts.ends.expect(run_id, owner)
            elif has_rows and live.stopped != "handed over":
                self._parts.ends.interrupted(run_id, owner)

    async def _with_events(
        self, payload: RunPayload, job: Job[Any, Any], gathered_by: str
    ) -> RunPayload:
        """What a run is given that several events have started."""
        found = await self._ledger.transact(gathered_events, gathered_by)
        if not found:  # its event did not take part in a batch
            return payload
        if "debounce" in job.flow.options:
            return replace(payload, event=latest(found))
        return replace(payload, event=found[0], events=tuple(found))

    async def _history(self, live: LiveRun, journal: DbosJournal) -> History:
        run_id, first_time = live.run_id, self._parts.live.first_time
        known = self._parts.histories.pop(run_id, None)
        if run_id in first_time:
            first_time.discard(run_id)
            known = History()
        if known is None or live.proved_at is None:
            # It may have been cancelled while it started, by somebody who has been told so since.
            return await journal.history()
        return known

    async def _enter(
        self,
        job: Job[Any, Any],
        live: LiveRun,
        gate: Gate,
        payload: RunPayload,
        *,
        is_first: bool,
    ) -> None:
        """Wait for what the body needs to begin: a place, and the leave of its throttle."""
        rule, key = job.flow.options.get("throttle"), payload.throttled_by
        if rule is None or key is None:
            with live.asleep():  # waiting for a place is not executing yet
                await gate.open()
            return
        start = Start(live.run_id, job.id, key, rule, is_first)
        await self._parts.pacing.start(start, live, gate, payload.position)

    async def _limit_time(self, job: Job[Any, Any], run_id: str) -> None:
        if "timeouts" in job.flow.options:
            finish_ms = job.flow.finish_timeout_ms()
            at = None if finish_ms is None else self._ledger.now_ms() + finish_ms
            await self._ledger.transact(_start_time, run_id, at)


def _start_time(connection: sa.Connection, run_id: str, finish_at: int | None) -> None:
    """The run has started: its time to start is over, its time to finish begins, once."""
    limit = tables.limit.c
    connection.execute(sa.delete(tables.limit).where(limit.run_id == run_id, limit.kind == "start"))
    if finish_at is not None:
        row = {"run_id": run_id, "kind": "finish", "at": finish_at}
        insert_new(connection, tables.limit, row)
