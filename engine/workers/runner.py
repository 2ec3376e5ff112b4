"""One run from start to end: replay, body attempts, success, failure."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import sqlalchemy as sa

from core.errors import Refused
from core.ids import RunId
from engine.dbos import dbos_rows, private, recorded
from engine.errors import NonRetriable, RunFailed, RunLost, StepFailed
from engine.events import FINISHED, WireEvent
from engine.intake.accepted import Accepted
from engine.intake.ends import Ends
from engine.intake.enqueue import wants
from engine.intake.gather import gathered_events, latest
from engine.intake.intake import Intake
from engine.intake.payload import RunPayload
from engine.intake.throttles import Start
from engine.job import Job, received
from engine.live import LiveRun, LiveRuns
from engine.middleware import Hooks, Middleware, RunCall, through
from engine.results import as_stored
from engine.steps.context import FailureContext, JobContext, Provided, RunError, Scope
from engine.steps.durable import RunState, is_interrupted
from engine.steps.history import BODY, FailedAttempt, History, read_histories, record_attempt
from engine.steps.plain import conducted
from engine.steps.process_ends import failure_of
from engine.steps.publishing import RunPublisher
from engine.steps.sleep import Sleepers
from engine.steps.slots import Gate, Slots
from engine.steps.steps import Outside, Steps
from engine.storage import codec, tables
from engine.storage.eventlog import failed_id, read_event
from engine.storage.tables import insert_new
from engine.storage.transactions import Ledger
from engine.workers.pacing import Pacing

log = logging.getLogger("engine.run")


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
    outside: Outside
    ends: Ends
    trusted_s: float
    """See `RunState`."""
    pacing: Pacing
    watch_end: Callable[[str, asyncio.Task[Any]], None]
    """See `EndHooks.watch`."""
    middleware: tuple[Middleware, ...] = ()
    sleepers: Sleepers = field(default_factory=Sleepers)


@dataclass(frozen=True)
class Execution:
    """One execution of a run."""

    job: Job[Any, Any]
    run_id: RunId
    payload: RunPayload
    live: LiveRun
    steps: Steps
    hooks: Hooks

    @property
    def is_failure_handler(self) -> bool:
        """Whether it is the job's on_failure that runs."""
        return self.payload.handles is not None


class Runner:
    """Executes runs that the dispatcher has claimed."""

    def __init__(self, jobs: Mapping[str, Job[Any, Any]], parts: Parts) -> None:
        self._jobs = jobs
        self._parts = parts
        self._ledger = parts.ledger
        self._hooks = {
            job.id: Hooks.of((*parts.middleware, *job.middleware)) for job in jobs.values()
        }
        self._announces_ends = any(
            rule.takes(FINISHED) for job in jobs.values() for rule in job.triggers
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
            history = await self._history(live, owner)
            await self._enter(job, live, gate, payload, is_first=is_first)
            await self._limit_time(job, run_id)
            hooks, sleepers = self._hooks[job.id], self._parts.sleepers
            state = RunState(
                live, job.retry, self._ledger, gate, hooks, self._parts.trusted_s, sleepers
            )
            steps = Steps(state, history, outside=self._parts.outside, cause=payload.event)
            execution = Execution(job, RunId(run_id), payload, live, steps, state.hooks)
            failed = await self._earlier_attempts(execution, history)
            return await self._attempts(execution, failed)
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

    async def _history(self, live: LiveRun, owner: str) -> History:
        run_id, first_time = live.run_id, self._parts.live.first_time
        known = self._parts.histories.pop(run_id, None)
        if run_id in first_time:
            first_time.discard(run_id)
            known = History()
        if known is None or live.proved_at is None:
            # It may have been cancelled while it started, by somebody who has been told so since.
            asked_at, now_ms = monotonic(), self._ledger.now_ms()
            try:
                known = await self._ledger.transact(_own_history, run_id, owner, now_ms)
            except recorded.NotOurs as error:
                raise RunLost(run_id) from error
            live.proved_at = asked_at
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

    async def _earlier_attempts(self, run: Execution, history: History) -> int:
        """How often the body has failed before this process took the run over."""
        failed, next_at = history.failed.get(BODY, (0, None))
        if failed and next_at is None:
            failure = await self._ledger.transact(_read_last_failure, run.run_id)
            raise await self._fail(run, failure, None)
        if next_at is not None:
            await run.steps.pause_until(next_at)
        return failed

    async def _attempts(self, run: Execution, failed: int) -> Any:
        while True:
            try:
                stored = _storable(run.job, await self._body(run, failed))
                await self._announce_end(run, stored)
            except asyncio.CancelledError:
                failure = await self._unexpected_cancel(run)
            except BaseException as error:  # noqa: BLE001 - the rim of every job
                failure = failure_of(error, run.live.task)
            else:
                return stored
            failed += 1
            final = isinstance(failure, (NonRetriable, Refused, StepFailed, RunFailed))
            if final or failed >= run.job.retry.max_attempts:
                raise await self._fail(run, failure, failed - 1)
            log.warning("body_failed", extra={"run_id": run.run_id, "attempt": failed - 1})
            await run.steps.back_off(BODY, failed, failure)
            run.steps.rewind()

    async def _unexpected_cancel(self, run: Execution) -> Exception:
        """Tell a CancelledError out of the job's own code from the run being stopped."""
        if run.live.must_not_go_on or is_interrupted():
            raise asyncio.CancelledError
        if not await self._ledger.transact(dbos_rows.owns, run.run_id):
            raise asyncio.CancelledError  # lost to a cancel or to another process
        return codec.StoredError("CancelledError", "raised inside the job")

    async def _body(self, run: Execution, attempt: int) -> Any:
        event = received(run.payload.event, run.job)
        events = tuple(received(each, run.job) for each in run.payload.events)
        call = RunCall(
            run_id=run.run_id,
            job_id=run.job.id,
            event=event,
            events=events or (event,),
            attempt=attempt,
            max_attempts=run.job.retry.max_attempts,
            replays=run.steps.replaying,
            is_failure_handler=run.is_failure_handler,
        )
        return await through(run.hooks.run, call, lambda last: self._call_job(run, last))

    def _call_job(self, run: Execution, call: RunCall) -> Awaitable[Any]:
        provided = self._parts.provided.after(call.provided)
        publisher = RunPublisher(run.live, call.attempt, self._ledger, self._parts.outside.publish)
        handles = run.payload.handles
        if handles is not None:
            assert run.job.on_failure is not None  # noqa: S101 - else it would not be enqueued
            scope = Scope(handles.run_id, run.job.id, run.steps, provided, call.attempt, publisher)
            context = FailureContext(call.event, scope, handles.error, call.events)
            return conducted(run.job.on_failure, context)
        scope = Scope(run.run_id, run.job.id, run.steps, provided, call.attempt, publisher)
        return conducted(run.job.fn, JobContext(call.event, scope, call.events))

    async def _announce_end(self, run: Execution, result: Any) -> None:
        if not self._announces_ends or run.is_failure_handler:
            return
        data = {
            "runId": run.run_id,
            "jobId": run.job.id,
            "event": run.payload.event.as_json(),
            "result": result,
        }
        event = WireEvent(FINISHED, data, f"{run.run_id}:finished", self._ledger.now_ms())
        accepted = await self._ledger.transact(self._record_end, run, event)
        if accepted is None:
            raise RunLost(run.run_id)
        self._parts.act(accepted)

    def _record_end(
        self, connection: sa.Connection, run: Execution, event: WireEvent
    ) -> Accepted | None:
        if not dbos_rows.owns(connection, run.run_id):
            return None
        return self._parts.intake.accept(connection, [event], event.ts_ms)

    async def _fail(self, run: Execution, failure: Exception, attempt: int | None) -> RunFailed:
        """Announce the failure, start `on_failure`, and make the error the run ends with."""
        error = RunError.of(failure)
        extra = {"run_id": run.run_id, "error": error.name, "step_id": error.step_id}
        log.error("run_failed", extra=extra, exc_info=failure)
        if not run.is_failure_handler:
            accepted = await self._ledger.transact(self._record_failure, run, failure, attempt)
            if accepted is None:
                raise RunLost(run.run_id)
            self._parts.act(accepted)
        return RunFailed(
            run.run_id,
            error.name,
            error.message,
            step_id=error.step_id,
            code=error.code,
            cause=error.cause,
        )

    def _record_failure(
        self, connection: sa.Connection, run: Execution, failure: Exception, attempt: int | None
    ) -> Accepted | None:
        if not dbos_rows.owns(connection, run.run_id):
            return None
        now_ms = self._ledger.now_ms()
        if attempt is not None and not isinstance(failure, StepFailed):
            # A body may take another way when it runs again; a failure that was announced stands.
            last = FailedAttempt(run.run_id, BODY, attempt, failure, None)
            record_attempt(connection, last, now_ms)
        accepted = Accepted(now_ms)
        error = RunError.of(failure)
        self._parts.intake.announce_failure(
            connection, run.job, run.run_id, run.payload.event, error, accepted
        )
        return accepted


def _storable(job: Job[Any, Any], result: Any) -> Any:
    try:
        stored = as_stored(job.result, result, by_alias=True)
        codec.dumps(stored)
    except (ValueError, NonRetriable) as error:
        raise NonRetriable(f"job {job.id!r} returned what cannot be stored: {error}") from error
    return stored


def _own_history(connection: sa.Connection, run_id: str, owner: str, now_ms: int) -> History:
    recorded.check_owned(connection, run_id, owner)
    return read_histories(connection, [run_id], now_ms)[run_id]


def _start_time(connection: sa.Connection, run_id: str, finish_at: int | None) -> None:
    """The run has started: its time to start is over, its time to finish begins, once."""
    limit = tables.limit.c
    connection.execute(sa.delete(tables.limit).where(limit.run_id == run_id, limit.kind == "start"))
    if finish_at is not None:
        row = {"run_id": run_id, "kind": "finish", "at": finish_at}
        insert_new(connection, tables.limit, row)


def _read_last_failure(connection: sa.Connection, run_id: str) -> Exception:
    attempt = tables.attempt.c
    row = connection.execute(
        sa.select(tables.attempt)
        .where(attempt.run_id == run_id, attempt.step_id == BODY)
        .order_by(attempt.attempt.desc())
        .limit(1)
    ).one()
    announced = read_event(connection, failed_id(run_id))
    cause = None if announced is None else RunError.from_json(announced.data["error"]).cause
    return codec.StoredError(row.error_name, row.error_message, code=row.error_code, cause=cause)
