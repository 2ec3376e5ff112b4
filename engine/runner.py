"""One run from start to end: replay, body attempts, success, failure."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from core.ids import EventId, RunId
from engine import codec, tables
from engine.context import FailureContext, JobContext, Provided, RunError
from engine.dbos import private
from engine.errors import NonRetriable, RunFailed, StepFailed
from engine.events import FAILED, FINISHED, ReceivedEvent, WireEvent
from engine.intake import Accepted, Intake, queue_of
from engine.job import Job
from engine.ledger import Ledger
from engine.slots import Gate, Slots, Want
from engine.step import BODY, History, Steps, is_interrupted, read_history, record_attempt

log = logging.getLogger("engine.run")

StopReason = Literal["cancelled", "handed over"]


@dataclass
class LiveRun:
    """A run that executes in this process."""

    run_id: str
    job_id: str
    task: asyncio.Task[Any]
    stopped: StopReason | None = None
    draining: bool = False
    """Whether it must stop before its next step."""
    suspended: int = 0
    """How many of its branches sleep or wait."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def must_not_go_on(self) -> bool:
        """Whether no further step may start here."""
        return self.draining or self.stopped is not None

    def stop(self, reason: StopReason) -> None:
        """Interrupt it: CancelledError reaches whatever it awaits, and no further step starts."""
        if self.stopped is None:
            self.stopped = reason
            self.task.cancel()


class Runner:
    """Executes runs that the dispatcher has claimed."""

    def __init__(
        self,
        jobs: Mapping[str, Job[Any, Any]],
        *,
        ledger: Ledger,
        intake: Intake,
        slots: Slots,
        provided: Provided,
        act: Callable[[Accepted], None],
        ended: Callable[[str], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._intake = intake
        self._slots = slots
        self._provided = provided
        self._act = act
        self._ended = ended
        self._spawn = spawn
        self._announces_ends = any(
            rule.takes(FINISHED) for job in jobs.values() for rule in job.triggers
        )
        self.live: dict[str, LiveRun] = {}
        self.first_time: set[str] = set()
        """Runs dispatched for the first time: nothing is recorded for them."""

    async def execute(self, payload: dict[str, Any]) -> Any:
        """The body of every DBOS workflow. Returns the job's result as JSON.

        Raises:
            RunFailed: the run has failed for good, and that has been announced.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a run needs a task")
        run_id = private.current_run_id()
        job = self._jobs[payload["job"]]
        live = self.live[run_id] = LiveRun(run_id, job.id, task)
        task.add_done_callback(lambda _: self._forget(live))
        gate = Gate(self._slots, run_id, wants(job, payload), payload["position"])
        try:
            return await self._execute(live, job, payload, gate)
        finally:
            if job.concurrency or job.cancel_on:
                # Not awaited: the run's end must not wait for it, nor be undone by it.
                self._spawn(self._clean_up(run_id, gate))

    async def _clean_up(self, run_id: str, gate: Gate) -> None:
        await gate.close()
        await self._ledger.transact(_forget_rules, run_id)

    def _forget(self, live: LiveRun) -> None:
        if self.live.get(live.run_id) is live:
            del self.live[live.run_id]
        live.ended.set()
        self._ended(live.run_id)

    async def _execute(
        self, live: LiveRun, job: Job[Any, Any], payload: dict[str, Any], gate: Gate
    ) -> Any:
        run_id = RunId(live.run_id)
        if run_id in self.first_time:
            self.first_time.discard(run_id)
            history = History({}, {})
        else:
            history = await self._ledger.transact(read_history, run_id)
        live.suspended += 1
        try:
            await gate.open()
        finally:
            live.suspended -= 1

        def suspend(by: int) -> None:
            live.suspended += by

        steps = Steps(
            run_id,
            history=history,
            retry=job.retry,
            ledger=self._ledger,
            gate=gate,
            stopped=lambda: live.must_not_go_on,
            suspend=suspend,
        )
        failed, next_at = history.failed.get(BODY, (0, None))
        if failed:
            if next_at is None:
                raise await self._fail(job, run_id, payload, await self._last_failure(run_id), None)
            await steps.pause((next_at - self._ledger.now_ms()) / 1000)
        while True:
            try:
                result = await self._body(job, payload, run_id, steps, failed)
                stored = _storable(job, result)
                if self._announces_ends and payload["kind"] == "run":
                    await self._announce_end(job, run_id, payload, stored)
            except asyncio.CancelledError:
                if live.must_not_go_on or is_interrupted():
                    raise
                if not await self._ledger.transact(private.owns, run_id):
                    raise  # lost to a cancel or to another process
                failure: Exception = codec.StoredError("CancelledError", "from inside the job")
            except Exception as error:  # noqa: BLE001 - the rim of every job
                failure = error
            else:
                return stored
            failed += 1
            if isinstance(failure, (NonRetriable, StepFailed, RunFailed)) or (
                failed >= job.retry.max_attempts
            ):
                raise await self._fail(job, run_id, payload, failure, failed - 1)
            log.warning("body_failed", extra={"run_id": run_id, "attempt": failed - 1})
            await steps.back_off(BODY, failed, failure)
            steps.rewind()

    async def _body(
        self,
        job: Job[Any, Any],
        payload: dict[str, Any],
        run_id: RunId,
        steps: Steps,
        attempt: int,
    ) -> Any:
        event = received(WireEvent.from_json(payload["event"]), job)
        if payload["kind"] == "failure" and job.on_failure is not None:
            error = payload["error"]
            return await job.on_failure(
                FailureContext(
                    event=event,
                    run_id=RunId(payload["failed_run"]),
                    job_id=job.id,
                    steps=steps,
                    provided=self._provided,
                    attempt=attempt,
                    error=RunError(error["name"], error["message"], error["stepId"]),
                )
            )
        context = JobContext(
            event=event,
            run_id=run_id,
            job_id=job.id,
            steps=steps,
            provided=self._provided,
            attempt=attempt,
        )
        return await job.fn(context)

    async def _announce_end(
        self, job: Job[Any, Any], run_id: RunId, payload: dict[str, Any], result: Any
    ) -> None:
        data = {"runId": run_id, "jobId": job.id, "event": payload["event"], "result": result}
        event = WireEvent(FINISHED, data, f"{run_id}:finished", self._ledger.now_ms())
        self._act(await self._ledger.transact(self._intake.accept, [event], self._ledger.now_ms()))

    async def _last_failure(self, run_id: str) -> Exception:
        return await self._ledger.transact(_read_last_failure, run_id)

    async def _fail(
        self,
        job: Job[Any, Any],
        run_id: RunId,
        payload: dict[str, Any],
        failure: Exception,
        attempt: int | None,
    ) -> RunFailed:
        """Announce the failure, start `on_failure`, and make the error the run ends with."""
        if isinstance(failure, StepFailed):
            error = RunError(failure.name, failure.message, failure.step_id)
        else:
            fields = codec.error_fields(failure)
            error = RunError(fields["name"], fields["message"], None)
        log.error(
            "run_failed",
            extra={"run_id": run_id, "error": error.name, "step_id": error.step_id},
            exc_info=failure,
        )
        if payload["kind"] == "run":
            accepted = await self._ledger.transact(
                self._record_failure, job, run_id, payload, failure, error, attempt
            )
            if accepted is None:
                raise asyncio.CancelledError(f"run {run_id} is no longer ours")
            self._act(accepted)
        return RunFailed(run_id, error.name, error.message, step_id=error.step_id)

    def _record_failure(
        self,
        connection: sa.Connection,
        job: Job[Any, Any],
        run_id: RunId,
        payload: dict[str, Any],
        failure: Exception,
        error: RunError,
        attempt: int | None,
    ) -> Accepted | None:
        if not private.owns(connection, run_id):
            return None
        now_ms = self._ledger.now_ms()
        if attempt is not None and not isinstance(failure, StepFailed):
            # A body may take another way when it runs again; a failure that was announced stands.
            record_attempt(connection, run_id, BODY, attempt, failure, now_ms, None)
        data = {
            "runId": run_id,
            "jobId": job.id,
            "event": payload["event"],
            "error": error.as_json(),
        }
        event = WireEvent(FAILED, data, f"{run_id}:failed", now_ms)
        accepted = self._intake.accept(connection, [event], now_ms)
        if job.on_failure is not None:
            failure_run = {
                "job": job.id,
                "kind": "failure",
                "event": payload["event"],
                "position": now_ms * 1000,
                "failed_run": run_id,
                "error": error.as_json(),
            }
            self._intake.enqueue(
                connection, f"{run_id}:on-failure", job.id, failure_run, now_ms, event.id
            )
            accepted.queues.add(queue_of(job.id))
        return accepted


def wants(job: Job[Any, Any], payload: dict[str, Any]) -> list[Want]:
    """The concurrency limits that apply to a run; cleanup after a failure is not limited."""
    if payload["kind"] != "run":
        return []
    found: list[Want] = []
    for rule in job.concurrency:
        key = "" if rule.key is None else codec.dumps(rule.key.value(payload["event"]))
        found.append(Want(f"{rule.prefix}:{key}", rule.limit))
    return found


def received(event: WireEvent, job: Job[Any, Any]) -> ReceivedEvent[Any]:
    """A stored event as the job sees it, its data in the job's model.

    Raises:
        NonRetriable: the data no longer fits the model.
    """
    model = next((rule.model for rule in job.triggers if rule.takes(event.name)), None)
    try:
        data: Any = event.data if model is None else model.model_validate(event.data)
    except ValueError as error:
        raise NonRetriable(f"event {event.name!r} does not fit {job.id!r}: {error}") from error
    return ReceivedEvent(
        name=event.name,
        data=data,
        id=EventId(event.id),
        ts=datetime.fromtimestamp(event.ts_ms / 1000, UTC),
        v=event.v,
        user=event.user,
    )


def _storable(job: Job[Any, Any], result: Any) -> Any:
    try:
        stored = job.result.dump_python(result, mode="json", by_alias=True, warnings="error")
        codec.dumps(stored)
    except (ValueError, NonRetriable) as error:
        raise NonRetriable(f"job {job.id!r} returned what cannot be stored: {error}") from error
    return stored


def _forget_rules(connection: sa.Connection, run_id: str) -> None:
    connection.execute(sa.delete(tables.cancel_rule).where(tables.cancel_rule.c.run_id == run_id))


def _read_last_failure(connection: sa.Connection, run_id: str) -> Exception:
    row = connection.execute(
        sa.select(tables.attempt.c.error_name, tables.attempt.c.error_message)
        .where(tables.attempt.c.run_id == run_id, tables.attempt.c.step_id == BODY)
        .order_by(tables.attempt.c.attempt.desc())
        .limit(1)
    ).one()
    return codec.StoredError(row.error_name, row.error_message)
