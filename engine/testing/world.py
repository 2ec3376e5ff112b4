"""What surrounds a run under test: events that come to it, children, events that it sends."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.ids import EventId, RunId
from core.invalid import problem_text
from engine.control.send import models_of
from engine.current import StepInfo, current_step
from engine.duration import seconds_of
from engine.errors import InvokeTimeout, RunCancelled, RunFailed
from engine.events import Event, EventData, SentEvent, WireEvent
from engine.expressions import path_value
from engine.job import Job, fitted_to
from engine.live import LiveRun
from engine.middleware import Hooks, StepCall, through
from engine.outgoing import Sendable, event_of, named_events, wire_event
from engine.realtime.channels import untyped
from engine.realtime.messages import Message, WireMessage
from engine.realtime.publisher import check_going_on
from engine.results import read_back
from engine.steps.context import RunError
from engine.steps.journal import Answer, Waiting
from engine.steps.waits import NEVER_MS, NewWait, WaitKey
from engine.storage import codec
from engine.storage.eventlog import event_body
from engine.testing.given import After, BadTest, Coming, Signal
from engine.testing.inbox import Inbox
from engine.testing.mocks import NO_MOCK, Mocks, played
from engine.testing.time import VirtualTime
from engine.triggers import CancelRule

R = TypeVar("R")


@dataclass(frozen=True)
class StartedRun:
    """A run of the test: the job under test, or a child; without a job, a failure handler."""

    job: Job[Any, Any] | None
    cause: WireEvent
    live: LiveRun
    started_ms: int


@dataclass(frozen=True)
class _Call:
    job_id: str
    event: WireEvent


RunChild = Callable[[RunId, str, WireEvent], Coroutine[Any, Any, Any]]


class World:
    """Stands where the engine stands otherwise: `engine.steps.outside.Outside`, and its inbox."""

    def __init__(  # noqa: PLR0913 - all that surrounds a run
        self,
        time: VirtualTime,
        *,
        mocks: Mocks,
        coming: Iterable[Coming],
        run_child: RunChild,
        jobs: Mapping[str, Job[Any, Any]],
        hooks: Hooks,
    ) -> None:
        self.time = time
        self.mocks = mocks
        self.sent: list[Event] = []
        self.published: list[Message[Any]] = []
        self.problem: BadTest | None = None
        self.runs: list[StartedRun] = []
        self._inbox = Inbox(time)
        self._run_child = run_child
        self._jobs = jobs
        self._models = models_of(jobs)
        self._hooks = hooks
        self._calls: dict[str, _Call] = {}
        self._numbered = 0
        for each in coming:
            if isinstance(each, After):
                time.after(seconds_of(each.delay), lambda comes=each.comes: self._arrive(comes))
            else:
                self._inbox.keep(each if isinstance(each, Signal) else self.wire(each))

    def starts(self, run: StartedRun) -> None:
        """A run starts, which events may cancel from now on."""
        self._inbox.starts(run.live.run_id)
        self.runs.append(run)

    def wire(self, event: Sendable, event_id: str | None = None) -> WireEvent:
        """An event as it is stored.

        Raises:
            BadEvent: it is too large, does not fit its model, or is no JSON.
        """
        event = event_of(event)
        self._numbered += 1
        wire = wire_event(
            event,
            self._models.get(event.name, ()),
            now=self.time.now(),
            event_id=event_id or f"evt_test{self._numbered}",
        )
        event_body(wire)
        return wire

    def misused(self, problem: BadTest) -> BadTest:
        """End the test with this problem, whatever the job makes of it."""
        self.problem = self.problem or problem
        for run in self.runs:
            run.live.stop("handed over")
        return problem

    # engine.testing.journal.KeepsWaits

    def waiting(self, wait: NewWait, live: LiveRun) -> AbstractContextManager[Waiting]:
        """A wait, or the mock that stands for it."""
        mock = self.mocks.of(RunId(wait.run_id), wait.step_id)
        if mock is NO_MOCK:
            return self._inbox.waiting(wait, live)
        return nullcontext(_MockedWaiting(self, self._inbox, wait, mock))

    def forget(self, key: WaitKey) -> None:
        """What came of a wait has been recorded."""
        self._inbox.forget(key)

    def _arrive(self, comes: Sendable | Signal) -> None:
        if isinstance(comes, Signal):
            self._inbox.signal(comes)
        else:
            self._deliver(self.wire(comes))

    def _deliver(self, event: WireEvent) -> None:
        """What the engine's intake does with an event, as far as runs of this test go."""
        for run in self.runs:
            rules = () if run.job is None else run.job.cancel_on
            if any(self._cancels(rule, run, event) for rule in rules):
                run.live.stop("cancelled")
        self._inbox.deliver(event)

    def _cancels(self, rule: CancelRule, run: StartedRun, event: WireEvent) -> bool:
        if rule.event_name != event.name:
            return False
        if (
            rule.timeout_s is not None
            and self.time.now_ms() >= run.started_ms + rule.timeout_s * 1000
        ):
            return False
        first, later = run.cause.as_json(), event.as_json()
        if rule.match is not None:
            value = path_value(first, rule.match)
            if value is None or path_value(later, rule.match) != value:
                return False
        return rule.when is None or rule.when.holds(first, later)

    def stuck(self) -> None:
        """Nothing will ever happen any more."""
        waits = [
            f"step {wait.step_id!r} waits for "
            + (f"event {wait.event_name!r}" if wait.signal is None else f"signal {wait.signal!r}")
            for wait in self._inbox.awaited()
        ]
        if waits:
            what = f"{'; '.join(waits)}: nothing brings it; add it to `events`, or mock the step"
            self.misused(BadTest(what))

    # engine.steps.outside.Outside

    async def perform(
        self,
        step: StepCall,
        work: Callable[[StepCall], Awaitable[R]],
        returns: TypeAdapter[R],
    ) -> R:
        """Do what a step is there for, or what its mock does; a mocked sleep ends as it begins."""
        info = current_step() or StepInfo(step.run_id, step.step_id, step.attempt)
        mock = self.mocks.of(info.run_id, info.step_id)
        if mock is NO_MOCK:
            return await work(step)
        value = self.time.now_ms() if step.kind == "sleep" else await played(mock, info)
        try:
            return read_back(returns, value)
        except ValidationError as error:
            why = problem_text(error, whole="result")
            what = f"the mock of step {step.step_id!r} is not what the step returns: {why}"
            raise self.misused(BadTest(what)) from error

    async def start_child(self, run_id: str, child: RunId, job_id: str, event: Event) -> None:  # noqa: ARG002 - the child says whose it is
        """Note the call; it is made when its outcome is asked for."""

        async def note(events: Sequence[Event]) -> list[SentEvent]:
            job, wire = self._jobs.get(job_id), self.wire(events[0], child)
            self._calls[child] = _Call(job_id, wire if job is None else fitted_to(job, wire))
            return [SentEvent(EventId(child), (child,))]

        await through(self._hooks.send, (event,), note)

    async def outcome(self, run_id: RunId, within_s: float | None) -> Any:
        """The mocked outcome of a child, or that of really running it; a late one is stopped."""
        mock, step = self.mocks.of_child(run_id)
        if mock is NO_MOCK:
            return await self._really_run(run_id, within_s)
        try:
            value = await played(mock, step)
        except (RunCancelled, InvokeTimeout):
            raise
        except Exception as error:
            found = RunError.of(error)
            raise RunFailed(
                run_id, found.name, found.message, code=found.code, cause=found.cause
            ) from error
        return codec.loads(codec.dumps(value))

    async def _really_run(self, run_id: RunId, within_s: float | None) -> Any:
        call, timer, late = self._calls[run_id], None, False

        def stop() -> None:
            nonlocal late
            late = True
            for run in self.runs:
                if run.live.run_id == run_id:
                    run.live.stop("handed over")

        if within_s is not None:
            timer = self.time.after(within_s, stop)
        try:
            return await self._run_child(run_id, call.job_id, call.event)
        except RunCancelled as error:
            if late:
                raise InvokeTimeout(run_id) from error
            raise
        finally:
            if timer is not None:
                self.time.drop(timer)

    async def send_as(
        self, run_id: str, step_id: str, events: Sequence[Sendable]
    ) -> list[SentEvent]:
        """Note the events; they start no jobs, but may end waits of this test, or cancel."""
        mock = self.mocks.of(RunId(run_id), step_id)
        if mock is not NO_MOCK:
            return list(await played(mock, StepInfo(RunId(run_id), step_id, 0)) or ())
        named = named_events(f"{run_id}:{step_id}", events)
        return await through(self._hooks.send, tuple(named), self._take)

    async def _take(self, events: Sequence[Event]) -> list[SentEvent]:
        answers: list[SentEvent] = []
        wires = [self.wire(event) for event in events]  # all are good, or none is sent
        for wire, event in zip(wires, events, strict=True):
            is_known = any(sent.id == wire.id for sent in self.sent)
            answers.append(SentEvent(EventId(wire.id), (), duplicate=is_known))
            if not is_known:
                self.sent.append(replace(event, data=wire.data, user=wire.user))
                self._deliver(wire)
        return answers

    async def publish(self, message: WireMessage, run: LiveRun) -> None:
        """Note the message; nobody listens."""
        check_going_on(run)
        self.published.append(message.read_as(untyped(message.topic)))


class _MockedWaiting:
    """A wait that a mock answers."""

    def __init__(self, world: World, inbox: Inbox, wait: NewWait, mock: object) -> None:
        self._world = world
        self._inbox = inbox
        self._wait = wait
        self._mock = mock

    async def open(self) -> Answer | None:
        """Nothing has come before."""
        self._inbox.check_free(self._wait)
        return None

    async def answer(self) -> Answer | None:
        """What the mock says, at once; None after the deadline."""
        wait, time = self._wait, self._world.time
        value = await played(self._mock, StepInfo(RunId(wait.run_id), wait.step_id, 0))
        if value is None:
            if wait.deadline_ms < NEVER_MS:
                await time.sleep((wait.deadline_ms - time.now_ms()) / 1000)
            return None
        if wait.signal is not None:
            return {"signal": value}
        if isinstance(value, (EventData, Event)):
            return self._world.wire(value).as_json()
        what = f"the mock of step {wait.step_id!r} is {value!r}; it waits for an event, or None"
        raise self._world.misused(BadTest(what))
