"""Runs of a test: the engine's own runner, without what it writes to the database."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from core.ids import RunId
from engine.inspection.run_info import StepRecord
from engine.intake.accepted import Accepted
from engine.intake.ends import Ends
from engine.intake.intake import Intake
from engine.intake.payload import RunPayload
from engine.job import Job
from engine.live import LiveRun, LiveRuns
from engine.middleware import Hooks, Middleware
from engine.steps.context import Provided
from engine.steps.durable import RunState, is_interrupted
from engine.steps.slots import Gate, Slots
from engine.storage import codec
from engine.storage.transactions import Ledger
from engine.testing.steps import VirtualSteps
from engine.testing.time import VirtualTime
from engine.testing.world import StartedRun, World
from engine.workers.pacing import Pacing
from engine.workers.runner import Execution, Parts, Runner

P = ParamSpec("P")
T = TypeVar("T")


class NoDatabase(Ledger):
    """A ledger that has only the time; whoever needs the connection is overridden here."""

    def __init__(self, time: VirtualTime) -> None:
        self._clock = self._time = time

    def now_ms(self) -> int:
        """To the millisecond: a float would wake sleepers a little early."""
        return self._time.now_ms()

    async def transact(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `work` without a connection."""
        return work(cast("sa.Connection", None), *args, **kwargs)


class VirtualRunner(Runner):
    """Executes one run at a time to its end, in the task that calls it."""

    def __init__(
        self, world: World, provided: Provided, middleware: tuple[Middleware, ...]
    ) -> None:
        ledger = NoDatabase(world.time)
        self._slots = Slots(ledger, "test")
        parts = Parts(
            ledger=ledger,
            intake=cast("Intake", None),  # what would use it is overridden below
            slots=self._slots,
            live=LiveRuns(on_sleep=lambda: None, on_end=lambda _: None),
            histories={},
            provided=provided,
            act=lambda _: None,
            outside=world,
            ends=cast("Ends", None),  # runs that end here have no rows
            pacing=cast("Pacing", None),  # nor a throttle
            trusted_s=math.inf,
            watch_end=lambda _run_id, _task: None,
            middleware=middleware,
        )
        super().__init__({}, parts)
        self._world = world

    def prepare(
        self,
        job: Job[Any, Any],
        run_id: RunId,
        payload: RunPayload,
        recorded: Callable[[str, StepRecord], None],
    ) -> tuple[Execution, VirtualSteps]:
        """A run about to start in the current task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a run needs a task")
        live = LiveRun(run_id, job.id, task, proved_at=0.0)
        gate = Gate(self._slots, run_id, [], 0)  # concurrency is between runs: there is one
        hooks = Hooks.of((*self._parts.middleware, *job.middleware))
        state = RunState(live, job.retry, self._ledger, gate, hooks, trusted_s=math.inf)
        steps = VirtualSteps(state, self._world, cause=payload.event, recorded=recorded)
        return Execution(job, run_id, payload, live, steps, hooks), steps

    async def conduct(self, run: Execution) -> Any:
        """The run's result as JSON.

        Raises:
            RunFailed: it failed for good.
            asyncio.CancelledError: it was stopped; `run.live.stopped` says why.
        """
        time, rules = self._world.time, None if run.is_failure_handler else run.job
        started = StartedRun(rules, run.steps.cause, run.live, time.now_ms())
        self._world.runs.append(started)
        timer = None
        if rules is not None and (finish_ms := rules.flow.finish_timeout_ms()) is not None:
            timer = time.after(finish_ms / 1000, lambda: run.live.stop("cancelled"))
        try:
            return await self._attempts(run, 0)
        finally:
            self._world.runs.remove(started)
            if timer is not None:
                time.drop(timer)

    async def _announce_end(self, run: Execution, result: Any) -> None:
        """Nobody listens."""

    def _record_failure(
        self,
        connection: sa.Connection,  # noqa: ARG002 - the runner's signature
        run: Execution,  # noqa: ARG002
        failure: Exception,  # noqa: ARG002
        attempt: int | None,  # noqa: ARG002
    ) -> Accepted | None:
        return Accepted(self._ledger.now_ms())

    async def _unexpected_cancel(self, run: Execution) -> Exception:
        if run.live.must_not_go_on or is_interrupted():
            raise asyncio.CancelledError
        return codec.StoredError("CancelledError", "raised inside the job")
