"""One execution of a run: the attempts of its body, and how it ends."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import Refused
from core.ids import RunId
from engine.errors import NonRetriable, RunFailed, StepFailed
from engine.intake.payload import RunPayload
from engine.job import Job, received
from engine.middleware import RunCall, through
from engine.results import adapter_of, as_stored
from engine.steps.context import FailureContext, JobContext, Provided, RunError, Scope
from engine.steps.durable import RunState, is_interrupted
from engine.steps.journal import BODY, History
from engine.steps.plain import conducted
from engine.steps.process_ends import failure_of
from engine.steps.publishing import RunPublisher
from engine.steps.steps import Steps
from engine.storage import codec

log = logging.getLogger("engine.run")


class Announcer(Protocol):
    """Tells of the ends of runs, before they are stored."""

    async def completed(self, run: "Execution", result: Any) -> None:
        """Say that a run has completed; `result` is JSON. Raises: RunLost."""
        ...

    async def failed(self, run: "Execution", failure: Exception, attempt: int | None) -> None:
        """Say that a run has failed for good, and start its job's `on_failure`.

        `attempt` is the number of the body's attempt that has failed, None where an earlier
        execution has recorded it.

        Raises:
            RunLost: it is not ours any more; nothing has been said.
        """
        ...


@dataclass(frozen=True, slots=True)
class Execution:
    """A run that executes here."""

    job: Job[Any, Any]
    run_id: RunId
    payload: RunPayload
    state: RunState
    history: History
    steps: Steps
    provided: Provided
    announcer: Announcer

    @property
    def is_failure_handler(self) -> bool:
        """Whether it is the job's on_failure that runs."""
        return self.payload.handles is not None

    async def result(self) -> Any:
        """Execute the run to its end; what its body returns, as JSON.

        Raises:
            RunFailed: it has failed for good, and that has been announced.
            CancelledError: it has been stopped.
        """
        failed = await self._earlier_attempts()
        while True:
            try:
                stored = self._storable(await self._body(failed))
                if not self.is_failure_handler:
                    await self.announcer.completed(self, stored)
            except asyncio.CancelledError:
                failure = await self._unexpected_cancel()
            except BaseException as error:  # noqa: BLE001 - the rim of every job
                failure = failure_of(error, self.state.live.task)
            else:
                return stored
            failed += 1
            final = isinstance(failure, (NonRetriable, Refused, StepFailed, RunFailed))
            if final or failed >= self.job.retry.max_attempts:
                raise await self._fail(failure, failed - 1)
            log.warning("body_failed", extra={"run_id": self.run_id, "attempt": failed - 1})
            await self.steps.back_off(BODY, failed, failure)
            self.steps.rewind()

    async def _earlier_attempts(self) -> int:
        """How often the body has failed before this process took the run over."""
        failed, next_at = self.history.failed.get(BODY, (0, None))
        if failed and next_at is None:
            failure = await self.state.journal.last_failure()
            raise await self._fail(failure, None)
        if next_at is not None:
            await self.steps.pause_until(next_at)
        return failed

    async def _unexpected_cancel(self) -> Exception:
        """Tell a CancelledError out of the job's own code from the run being stopped."""
        if self.state.live.must_not_go_on or is_interrupted():
            raise asyncio.CancelledError
        if not await self.state.journal.is_ours():
            raise asyncio.CancelledError  # lost to a cancel or to another process
        return codec.StoredError("CancelledError", "raised inside the job")

    async def _body(self, attempt: int) -> Any:
        event = received(self.payload.event, self.job)
        events = tuple(received(each, self.job) for each in self.payload.events)
        call = RunCall(
            run_id=self.run_id,
            job_id=self.job.id,
            event=event,
            events=events or (event,),
            attempt=attempt,
            max_attempts=self.job.retry.max_attempts,
            replays=self.steps.replaying,
            is_failure_handler=self.is_failure_handler,
        )
        return await through(self.state.hooks.run, call, self._call_job)

    def _call_job(self, call: RunCall) -> Awaitable[Any]:
        provided = self.provided.after(call.provided)
        state = self.state
        publisher = RunPublisher(state.live, call.attempt, state.time, state.outside.publish)
        handles = self.payload.handles
        if handles is not None:
            assert self.job.on_failure is not None  # noqa: S101 - else it would not be enqueued
            scope = Scope(
                handles.run_id, self.job.id, self.steps, provided, call.attempt, publisher
            )
            context = FailureContext(call.event, scope, handles.error, call.events)
            return conducted(self.job.on_failure, context)
        scope = Scope(self.run_id, self.job.id, self.steps, provided, call.attempt, publisher)
        return conducted(self.job.fn, JobContext(call.event, scope, call.events))

    def _storable(self, result: Any) -> Any:
        adapter = adapter_of(Any) if self.is_failure_handler else self.job.result
        try:
            stored = as_stored(adapter, result, by_alias=True)
            codec.dumps(stored)
        except (ValueError, NonRetriable) as error:
            reason = f"job {self.job.id!r} returned what cannot be stored: {error}"
            raise NonRetriable(reason) from error
        return stored

    async def _fail(self, failure: Exception, attempt: int | None) -> RunFailed:
        """Announce the failure, and make the error that the run ends with."""
        error = RunError.of(failure)
        extra = {"run_id": self.run_id, "error": error.name, "step_id": error.step_id}
        log.error("run_failed", extra=extra, exc_info=failure)
        if not self.is_failure_handler:
            await self.announcer.failed(self, failure, attempt)
        failed = RunFailed(
            self.run_id,
            error.name,
            error.message,
            step_id=error.step_id,
            code=error.code,
            cause=error.cause,
        )
        failed.stack = codec.stack_of(failure)
        return failed
