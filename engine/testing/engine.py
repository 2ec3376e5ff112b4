"""Run one job in a test: no database, no waiting, every step open to mocks."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from core.ids import RunId
from engine.control.end_hooks import as_received, tell
from engine.errors import RunCancelled, RunFailed
from engine.events import INVOKED, Event, EventData, WireEvent
from engine.inspection.run_info import StepRecord
from engine.intake.intake import is_started_by
from engine.intake.payload import FailedRun, RunPayload
from engine.job import Job
from engine.middleware import Ended, Hooks, Middleware, RunEnd
from engine.outgoing import Sendable
from engine.realtime.messages import Message
from engine.results import read_back
from engine.status import RunStatus
from engine.steps.context import Provided, RunError
from engine.steps.journal import BODY
from engine.testing.given import BadTest, Coming
from engine.testing.journal import RunRecords
from engine.testing.mocks import Mocks
from engine.testing.runs import VirtualRuns
from engine.testing.time import VirtualTime
from engine.testing.world import World
from engine.workers.execution import Execution

D = TypeVar("D")
R = TypeVar("R")

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """How a run went.

    `steps` holds the recorded steps by name ("turn", "turn:1", in a branch "1.0/turn"), in the
    order in which they ended, their results as JSON. `published` are the realtime messages, their
    data as JSON. `attempts` counts executions of the body.
    `on_failure` is how the job's failure handler went, if the run failed and it has one.
    """

    run_id: RunId
    status: RunStatus
    result: R | None
    error: Exception | None
    steps: Mapping[str, StepRecord]
    sent: tuple[Event, ...]
    published: tuple[Message[Any], ...]
    attempts: int
    started_at: datetime
    ended_at: datetime
    on_failure: "Outcome[None] | None" = None

    @property
    def took(self) -> timedelta:
        """Virtual time from start to end."""
        return self.ended_at - self.started_at


class TestEngine(Generic[D, R]):
    """Runs a job as the engine would, alone, in virtual time. Each call starts afresh.

    Step ids, typed results, retries, `StepFailed`, `on_failure`, parallel and race are the engine's
    own code. Sleeps, timeouts and backoff take no real time. Flow control, which is between
    runs, does not take part, except `timeouts.finish`.

    Args:
        job: the job under test.
        event: what starts it; several for a job with `batch`; none needed for one with a cron.
        steps: what stands for steps, by id ("turn" for each time round a loop, "turn:1" for one
            of them): a value; an exception to raise at each attempt; or a function of the
            `StepInfo` that gives either. For `wait_for_event` an event, or None for its timeout;
            for `invoke` the child's result or failure; a mocked sleep takes no time.
        events: events and signals that come to the run: each answers the first wait that it fits,
            or, in `After("5m", event)`, comes at that time and may also cancel the run.
        jobs: children that `step.invoke` really runs, unless the step is mocked.
        provide: objects for `ctx.need(Type)`.
        middleware: what is around the run, its steps (mocked ones too) and what it sends.
        start_at: what the clock says when the run starts.
    """

    __test__ = False  # pytest: not a class of tests

    def __init__(  # noqa: PLR0913 - named settings, each with a default
        self,
        job: Job[D, R],
        *,
        event: Sendable | Sequence[Sendable] = (),
        steps: Mapping[str, object] | None = None,
        events: Sequence[Coming] = (),
        jobs: Sequence[Job[Any, Any]] = (),
        provide: Sequence[object] = (),
        middleware: Sequence[Middleware] = (),
        start_at: datetime = START,
    ) -> None:
        self._job = job
        is_one = isinstance(event, (EventData, Event, Mapping))
        self._events: list[Sendable] = [event] if is_one else list(event)
        self._mocks = steps or {}
        self._coming = events
        self._children = {child.id: child for child in jobs}
        self._surroundings = _Surroundings(Provided(list(provide)), tuple(middleware))
        self._start_at = start_at

    async def execute(self) -> Outcome[R]:
        """Run the job to its end, and its `on_failure` after that.

        Raises:
            BadTest: the event does not start the job, the run waits for what never comes, a mock
                does not fit, or a child is neither mocked nor given.
        """
        test = _Test(self._job, self._events, self._start_at, self._surroundings)
        return await test.execute(self._children, self._mocks, self._coming)

    async def execute_step(self, step_id: str) -> StepRecord:
        """Run the job until this step has ended, and stop it there.

        Raises:
            BadTest: the run ended without it, or as for `execute`.
        """
        test = _Test(self._job, self._events, self._start_at, self._surroundings, until=step_id)
        outcome = await test.execute(self._children, self._mocks, self._coming)
        record = outcome.steps.get(step_id)
        if record is None:
            seen = ", ".join(outcome.steps) or "none"
            raise BadTest(f"the run {outcome.status} without step {step_id!r}; its steps: {seen}")
        return record


class _Surroundings(NamedTuple):
    provided: Provided
    middleware: tuple[Middleware, ...]


class _Test(Generic[R]):
    """One execution of a TestEngine."""

    def __init__(
        self,
        job: Job[Any, R],
        events: Sequence[Sendable],
        start_at: datetime,
        surroundings: "_Surroundings",
        *,
        until: str | None = None,
    ) -> None:
        self._job = job
        self._events = events
        self._provided, self._middleware = surroundings
        self._until = until
        self._time = VirtualTime(start_at)

    async def execute(
        self,
        children: Mapping[str, Job[Any, Any]],
        mocks: Mapping[str, object],
        coming: Sequence[Coming],
    ) -> Outcome[R]:
        self._children = children
        self._mocks = Mocks(mocks)
        self._world = World(
            self._time,
            mocks=self._mocks,
            coming=coming,
            run_child=self._run_child,
            jobs={**children, self._job.id: self._job},
            hooks=Hooks.of(self._middleware),
        )
        self._runs = VirtualRuns(self._world, self._provided, self._middleware)
        causes = self._causes()
        run_id = RunId(f"{self._job.id}:{causes[0].id}")
        events = tuple(causes) if "batch" in self._job.flow.options else ()
        payload = RunPayload(self._job.id, causes[0], position=0, events=events)
        outcome: Outcome[R] | None = None
        async with asyncio.TaskGroup() as group:
            driving = group.create_task(self._time.drive(self._world.stuck))
            running = group.create_task(self._run(self._job, run_id, payload))
            await asyncio.wait({running})
            if not running.cancelled() and running.exception() is None:
                outcome = running.result()
            driving.cancel()
        if self._world.problem is not None:
            raise self._world.problem
        assert outcome is not None  # noqa: S101 - a run that is stopped has a problem
        return outcome

    def _causes(self) -> list[WireEvent]:
        if self._events:
            first, *others = self._events
            causes = [self._world.wire(first, "test"), *map(self._world.wire, others)]
        elif self._job.crons:
            tick = self._job.crons[0]
            event = Event(tick.event_name, {"cron": tick.schedule}, ts=self._time.now())
            causes = [self._world.wire(event, f"{tick.event_name}:test")]
        else:
            raise BadTest(f"job {self._job.id!r} needs an `event`")
        if len(causes) > 1 and "batch" not in self._job.flow.options:
            raise BadTest(f"job {self._job.id!r} takes one event a run: it has no `batch`")
        for cause in causes:
            if cause.name != INVOKED and not is_started_by(self._job, cause):
                raise BadTest(f"event {cause.name!r} does not start job {self._job.id!r}")
        return causes

    async def _run(self, job: Job[Any, Any], run_id: RunId, payload: RunPayload) -> Any:
        """Run the job under test; then its failure handler, if need be."""
        outcome = await self._one(job, run_id, payload)
        if not isinstance(outcome.error, RunFailed) or job.on_failure is None or self._until:
            return outcome
        found = replace(RunError.of(outcome.error), step_id=outcome.error.step_id)
        handler = replace(payload, handles=FailedRun(run_id, found))
        handled = await self._one(job, RunId(f"{run_id}:on-failure"), handler)
        sent, published = tuple(self._world.sent), tuple(self._world.published)
        return replace(outcome, on_failure=handled, sent=sent, published=published)

    async def _one(self, job: Job[Any, Any], run_id: RunId, payload: RunPayload) -> Outcome[Any]:
        self._mocks.are_for(run_id)
        records = RunRecords()
        run = await self._runs.prepare(job, run_id, payload, records, until=self._until)
        live = run.state.live
        started_at = self._time.now()
        status: Ended = "completed"
        stored, result, error = None, None, None
        try:
            stored = await self._runs.execute(run)
            if payload.handles is None:
                result = read_back(job.result, stored)
        except RunFailed as failure:
            status, error = "failed", failure
        except asyncio.CancelledError:
            if live.stopped != "cancelled" and self._until not in records.steps:
                raise
            status = "cancelled"
        if live.stopped is not None:
            with suppress(asyncio.CancelledError):  # it ended before the stop reached it
                await asyncio.sleep(0)
        if live.stopped != "handed over":
            await self._tell_end(run, started_at, status=status, result=stored, error=error)
        return Outcome(
            run_id=run_id,
            status=status,
            result=result,
            error=error,
            steps=records.steps,
            sent=tuple(self._world.sent),
            published=tuple(self._world.published),
            attempts=len(records.tries_of(BODY)) + 1,
            started_at=started_at,
            ended_at=self._time.now(),
        )

    async def _run_child(self, run_id: RunId, job_id: str, event: WireEvent) -> Any:
        """A child's result as JSON; in a task and a context of its own, as on the engine."""
        job = self._children.get(job_id)
        if job is None:
            what = f"job {job_id!r} is invoked: mock the step, or give the job with `jobs`"
            raise self._world.misused(BadTest(what))
        payload = RunPayload(job_id, event, position=0)
        ended: list[Any] = []
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._child(job, run_id, payload, ended), context=Context())
        if task.cancelled():
            raise RunCancelled(run_id)
        if isinstance(ended[0], RunFailed):
            raise ended[0]
        return ended[0]

    async def _child(
        self, job: Job[Any, Any], run_id: RunId, payload: RunPayload, ended: list[Any]
    ) -> None:
        run = await self._runs.prepare(job, run_id, payload, RunRecords())
        started_at = self._time.now()
        try:
            ended.append(await self._runs.execute(run))
        except RunFailed as failure:
            ended.append(failure)
            await self._tell_end(run, started_at, status="failed", error=failure)
        else:
            await self._tell_end(run, started_at, status="completed", result=ended[0])

    async def _tell_end(
        self,
        run: Execution,
        started_at: datetime,
        *,
        status: Ended,
        result: Any = None,
        error: RunFailed | None = None,
    ) -> None:
        end = RunEnd(
            run_id=run.run_id,
            job_id=run.job.id,
            event=as_received(run.payload.event, run.job),
            status=status,
            result=result,
            error=error,
            created_at=started_at,
            started_at=started_at,
            ended_at=self._time.now(),
            is_failure_handler=run.is_failure_handler,
        )
        await tell(run.state.hooks.end, end)
