"""Runs of a test: the engine's own executions, on a journal in memory and in virtual time."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from core.ids import RunId
from engine.intake.payload import RunPayload
from engine.job import Job
from engine.live import LiveRun
from engine.middleware import Hooks, Middleware
from engine.steps.context import Provided
from engine.steps.durable import RunState
from engine.steps.naming import StepNames
from engine.steps.steps import Steps
from engine.testing.journal import MemoryJournal, RunRecords
from engine.testing.mocks import NotedNames
from engine.testing.world import StartedRun, World
from engine.workers.execution import Execution


class NoLimits:
    """The places of a run that is alone: concurrency is between runs."""

    def step(self) -> AbstractAsyncContextManager[None]:
        """There is always one."""
        return nullcontext()

    async def pause(self) -> None:
        """None is held."""


class Unheard:
    """Announces the ends of runs to nobody: a test sees them, and no other job does."""

    async def completed(self, run: Execution, result: Any) -> None:
        """Nobody listens."""

    async def failed(self, run: Execution, failure: Exception, attempt: int | None) -> None:
        """The test runs `on_failure` itself."""


class VirtualRuns:
    """Executes runs to their end, each in the task that calls it."""

    def __init__(
        self, world: World, provided: Provided, middleware: tuple[Middleware, ...]
    ) -> None:
        self._world = world
        self._provided = provided
        self._middleware = middleware

    async def prepare(
        self,
        job: Job[Any, Any],
        run_id: RunId,
        payload: RunPayload,
        records: RunRecords,
        *,
        until: str | None = None,
    ) -> Execution:
        """A run about to start in the current task; it is stopped when step `until` has ended."""
        task, world = asyncio.current_task(), self._world
        if task is None:
            raise RuntimeError("a run needs a task")
        live = LiveRun(run_id, job.id, task)

        def recorded(name: str) -> None:
            if name == until:
                live.stop("handed over")

        state = RunState(
            live=live,
            retry=job.retry,
            hooks=Hooks.of((*self._middleware, *job.middleware)),
            journal=MemoryJournal(records, live, time=world.time, waits=world, recorded=recorded),
            time=world.time,
            gate=NoLimits(),
            names=NotedNames(
                StepNames(task), lambda name, step_id: world.mocks.note(run_id, name, step_id)
            ),
            outside=world,
        )
        history = await state.journal.history()
        steps = Steps(state, history, cause=payload.event)
        return Execution(job, run_id, payload, state, history, steps, self._provided, Unheard())

    async def execute(self, run: Execution) -> Any:
        """The run's result as JSON.

        Raises:
            RunFailed: it failed for good.
            asyncio.CancelledError: it was stopped; `live.stopped` says why.
        """
        world, live, time = self._world, run.state.live, self._world.time
        rules = None if run.is_failure_handler else run.job
        started = StartedRun(rules, run.payload.event, live, time.now_ms())
        world.starts(started)
        timer = None
        if rules is not None and (finish_ms := rules.flow.finish_timeout_ms()) is not None:
            timer = time.after(finish_ms / 1000, lambda: live.stop("cancelled"))
        try:
            return await run.result()
        finally:
            world.runs.remove(started)
            if timer is not None:
                time.drop(timer)
