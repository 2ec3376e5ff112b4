"""Telling middleware how runs have ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, cast

import sqlalchemy as sa

from engine.errors import NonRetriable
from engine.events import ReceivedEvent, WireEvent, received_event
from engine.inspection.run_info import RunInfo, read_run
from engine.intake.gather import gathered_events
from engine.job import Job, received
from engine.live import LiveRuns
from engine.middleware import Hooks, Middleware, RunEnd
from engine.status import RunStatus
from engine.steps.process_ends import failure_of
from engine.storage.eventlog import handles_failure, read_event
from engine.storage.transactions import Ledger

log = logging.getLogger("engine.run")

OF_ITS_OWN: frozenset[RunStatus] = frozenset({"completed", "failed"})
UNWIND_S = 5.0  # how long a cancelled run has to end here before its end is told all the same


class EndHooks:
    """Hears of runs that have ended in this process, or been cancelled by it."""

    def __init__(
        self,
        jobs: Mapping[str, Job[Any, Any]],
        middleware: Sequence[Middleware],
        *,
        ledger: Ledger,
        live: LiveRuns,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._jobs = jobs
        self._of_all = Hooks.of(middleware)
        self._hooks = {job.id: Hooks.of((*middleware, *job.middleware)) for job in jobs.values()}
        self._is_heard = any(hooks.end for hooks in (self._of_all, *self._hooks.values()))
        self._ledger = ledger
        self._live = live
        self._spawn = spawn

    def watch(self, run_id: str, task: asyncio.Task[Any]) -> None:
        """Tell of a run's end when the task that executes it is done: it is stored then."""
        if self._is_heard:
            task.add_done_callback(lambda done: self._has_run(run_id, done))

    def _has_run(self, run_id: str, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():  # else somebody has cancelled the run, or another process has it
            self._spawn(self._tell(run_id))

    def cancelled(self, run_ids: Iterable[str]) -> None:
        """These have been cancelled by a transaction of this process."""
        if self._is_heard:
            for run_id in run_ids:
                self._spawn(self._tell_cancelled(run_id))

    def set_aside(self, run_id: str) -> None:
        """This one has failed without being executed again."""
        if self._is_heard:
            self._spawn(self._tell(run_id))

    async def _tell_cancelled(self, run_id: str) -> None:
        live = self._live.get(run_id)
        if live is not None:
            await asyncio.wait({live.task}, timeout=UNWIND_S)
        await self._tell(run_id, {"cancelled"})

    async def _tell(self, run_id: str, ends: Set[RunStatus] = OF_ITS_OWN) -> None:
        found = await self._ledger.transact(self._read, run_id)
        if found is not None and found[0].status in ends:
            info, cause = found
            job = self._jobs.get(info.job_id)
            hooks = self._of_all if job is None else self._hooks[job.id]
            await tell(hooks.end, _end_of(info, cause, job))

    def _read(
        self, connection: sa.Connection, run_id: str
    ) -> tuple[RunInfo, WireEvent | None] | None:
        info = read_run(connection, run_id)
        if info is None:
            return None
        cause = read_event(connection, info.event_id)
        if cause is not None and handles_failure(run_id, info.event_id):
            cause = WireEvent.from_json(cause.data["event"])  # that of the run that failed
        job = self._jobs.get(info.job_id)
        if job is not None and "debounce" in job.flow.options:
            cause = next(reversed(gathered_events(connection, run_id)), cause)
        return info, cause


async def tell(hooks: Iterable[Callable[[RunEnd], Awaitable[None]]], end: RunEnd) -> None:
    """Call the hooks, the outermost first; none keeps the others from it."""
    for hook in hooks:
        try:
            await hook(end)
        except BaseException as error:  # the rim of what nobody awaits
            failure = failure_of(error, asyncio.current_task())
            log.exception("on_end_failed", extra={"run_id": end.run_id}, exc_info=failure)


def _end_of(info: RunInfo, cause: WireEvent | None, job: Job[Any, Any] | None) -> RunEnd:
    return RunEnd(
        run_id=info.run_id,
        job_id=info.job_id,
        event=None if cause is None else as_received(cause, job),
        status=cast("Any", info.status),
        result=info.result,
        error=info.error,
        created_at=info.created_at,
        started_at=info.started_at,
        ended_at=info.ended_at,
        is_failure_handler=handles_failure(info.run_id, info.event_id),
    )


def as_received(cause: WireEvent, job: Job[Any, Any] | None) -> ReceivedEvent[Any]:
    """The event behind a run, in the job's model where there is one that it fits."""
    if job is not None:
        with suppress(NonRetriable):
            return received(cause, job)
    return received_event(cause, None)
