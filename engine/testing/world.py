"""What surrounds a run under test: mocks, events that come to it, events that it sends."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.ids import EventId, RunId
from engine.control.send import models_of
from engine.current import StepInfo
from engine.duration import Duration, seconds_of
from engine.errors import InvokeTimeout, NonRetriable, RunCancelled, RunFailed
from engine.events import Event, EventData, SentEvent, WireEvent
from engine.expressions import path_value
from engine.job import CancelRule, Job, fitted_to
from engine.live import LiveRun
from engine.middleware import Hooks, through
from engine.outgoing import Sendable, event_of, named_events, wire_event
from engine.realtime.channels import untyped
from engine.realtime.messages import Message, WireMessage
from engine.realtime.publisher import check_going_on
from engine.results import read_back
from engine.steps.context import RunError
from engine.steps.waits import NEVER_MS, NewWait, WaitKey, Waits, holds
from engine.storage.eventlog import event_body
from engine.testing.time import VirtualTime, settle

Answer = dict[str, Any]


class BadTest(Exception):
    """The test asks for what cannot be: raised by the test engine, never seen by the job."""


@dataclass(frozen=True)
class Signal:
    """What `send_signal(name, data)` would bring."""

    name: str
    data: Any = None


@dataclass(frozen=True)
class After:
    """Something that comes a while after the start, whether or not the run waits for it then."""

    delay: Duration
    comes: Sendable | Signal


Coming = Sendable | Signal | After
"""Without After: kept for the first wait that it fits."""


@dataclass(frozen=True)
class StartedRun:
    """A run of the test: the job under test, or a child; without a job, a failure handler."""

    job: Job[Any, Any] | None
    cause: WireEvent
    live: LiveRun
    started_ms: int


@dataclass(frozen=True)
class _OpenWait:
    wait: NewWait
    over: asyncio.Future[Answer | None]


@dataclass(frozen=True)
class _Call:
    job_id: str
    event: WireEvent


NO_MOCK = object()

RunChild = Callable[[RunId, str, WireEvent], Coroutine[Any, Any, Any]]


class World:
    """Stands where the engine and its database stand otherwise (`engine.steps.steps.Outside`)."""

    def __init__(  # noqa: PLR0913 - all that surrounds a run
        self,
        time: VirtualTime,
        *,
        mocks: Mapping[str, object],
        coming: Iterable[Coming],
        run_child: RunChild,
        jobs: Mapping[str, Job[Any, Any]],
        hooks: Hooks,
    ) -> None:
        self.time = time
        self.waits = Waits()
        self.sent: list[Event] = []
        self.published: list[Message[Any]] = []
        self.problem: BadTest | None = None
        self.runs: list[StartedRun] = []
        self._mocks = mocks
        self._run_child = run_child
        self._jobs = jobs
        self._models = models_of(jobs)
        self._hooks = hooks
        self._written: dict[WaitKey, str] = {}
        self._keys: dict[str, WaitKey] = {}
        self._mocked_runs: set[str] = set()
        self._calls: dict[str, _Call] = {}
        self._open: dict[WaitKey, _OpenWait] = {}
        self._seen: list[tuple[int, WireEvent]] = []
        self._had: set[tuple[str, str]] = set()
        self._kept: list[WireEvent | Signal] = []
        self._numbered = 0
        for each in coming:
            if isinstance(each, After):
                time.after(seconds_of(each.delay), lambda comes=each.comes: self._arrive(comes))
            else:
                self._kept.append(each if isinstance(each, Signal) else self.wire(each))

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

    # Mocks

    def mock_steps_of(self, run_id: str) -> None:
        """The mocks are for this run; children run as they are."""
        self._mocked_runs.add(run_id)

    def named(self, run_id: str, name: str, step_id: str) -> None:
        """A step got this name; `step_id` is what the job wrote."""
        self._written[run_id, name] = step_id
        self._keys[f"{run_id}:{name}"] = (run_id, name)

    def mock(self, run_id: str, name: str) -> object:
        """What stands for a step: by its full name, else by the id that the job wrote."""
        if run_id not in self._mocked_runs:
            return NO_MOCK
        if name in self._mocks:
            return self._mocks[name]
        return self._mocks.get(self._written[run_id, name], NO_MOCK)

    async def mocked_output(self, mock: object, step: StepInfo, adapter: TypeAdapter[Any]) -> Any:
        """One attempt of a mocked step."""
        value = await _played(mock, step)
        try:
            return read_back(adapter, value)
        except ValidationError as error:
            what = f"the mock of step {step.step_id!r} is not what the step returns: {error}"
            raise self.misused(BadTest(what)) from error

    # Waits

    async def answer_to(self, wait: NewWait) -> Answer | None:
        """Wait in virtual time; None after the deadline."""
        key = (wait.run_id, wait.step_id)
        mock = self.mock(*key)
        if mock is not NO_MOCK:
            return await self._mocked_answer(wait, mock)
        found = self._kept_for(wait) or self._look_back(wait)
        if found is not None:
            return found
        over: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._open[key] = _OpenWait(wait, over)
        timer = None
        if wait.deadline_ms < NEVER_MS:
            left_s = (wait.deadline_ms - self.time.now_ms()) / 1000
            timer = self.time.after(left_s, lambda: settle(over, None))
        self.time.touch()
        try:
            return await over
        finally:
            del self._open[key]
            if timer is not None:
                self.time.drop(timer)

    def refuse_second_waiter(self, wait: NewWait) -> None:
        """Raise NonRetriable where another wait has this signal."""
        for (run_id, step_id), other in self._open.items():
            taken = wait.signal is not None and other.wait.signal == wait.signal
            if taken and (run_id, step_id) != (wait.run_id, wait.step_id):
                raise NonRetriable(f"run {run_id!r} already waits for signal {wait.signal!r}")

    async def _mocked_answer(self, wait: NewWait, mock: object) -> Answer | None:
        value = await _played(mock, StepInfo(RunId(wait.run_id), wait.step_id, 0))
        if value is None:
            if wait.deadline_ms < NEVER_MS:
                await self.time.sleep((wait.deadline_ms - self.time.now_ms()) / 1000)
            return None
        if wait.signal is not None:
            return {"signal": value}
        if isinstance(value, (EventData, Event)):
            return self.wire(value).as_json()
        what = f"the mock of step {wait.step_id!r} is {value!r}; it waits for an event, or None"
        raise self.misused(BadTest(what))

    def _kept_for(self, wait: NewWait) -> Answer | None:
        for kept in self._kept:
            fits = kept.name == wait.signal if isinstance(kept, Signal) else _fits(wait, kept)
            if fits:
                self._kept.remove(kept)
                return {"signal": kept.data} if isinstance(kept, Signal) else kept.as_json()
        return None

    def _look_back(self, wait: NewWait) -> Answer | None:
        if wait.look_back_ms == 0:
            return None
        since_ms = (
            next(run.started_ms for run in self.runs if run.live.run_id == wait.run_id)
            if wait.look_back_ms is None
            else self.time.now_ms() - wait.look_back_ms
        )
        for at_ms, event in self._seen:
            is_new = (wait.run_id, event.id) not in self._had and event.id != wait.cause.id
            if at_ms >= since_ms and is_new and _fits(wait, event):
                self._had.add((wait.run_id, event.id))
                return event.as_json()
        return None

    def _arrive(self, comes: Sendable | Signal) -> None:
        if isinstance(comes, Signal):
            for opened in self._open.values():
                if opened.wait.signal == comes.name:
                    settle(opened.over, {"signal": comes.data})
        else:
            self._deliver(self.wire(comes))

    def _deliver(self, event: WireEvent) -> None:
        """What the engine's intake does with an event, as far as runs of this test go."""
        self._seen.append((self.time.now_ms(), event))
        for run in self.runs:
            rules = () if run.job is None else run.job.cancel_on
            if any(self._cancels(rule, run, event) for rule in rules):
                run.live.stop("cancelled")
        for opened in self._open.values():
            if _fits(opened.wait, event) and not opened.over.done():
                self._had.add((opened.wait.run_id, event.id))
                settle(opened.over, event.as_json())
        self.time.touch()

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
        if self._open:
            waits = [
                f"step {each.wait.step_id!r} waits for "
                + (
                    f"event {each.wait.event_name!r}"
                    if each.wait.signal is None
                    else f"signal {each.wait.signal!r}"
                )
                for each in self._open.values()
            ]
            what = f"{'; '.join(waits)}: nothing brings it; add it to `events`, or mock the step"
            self.misused(BadTest(what))

    # engine.steps.Outside

    async def start_child(self, run_id: str, child: RunId, job_id: str, event: Event) -> None:  # noqa: ARG002 - the child says whose it is
        """Note the call; it is made when its outcome is asked for."""

        async def note(events: Sequence[Event]) -> list[SentEvent]:
            job, wire = self._jobs.get(job_id), self.wire(events[0], child)
            self._calls[child] = _Call(job_id, wire if job is None else fitted_to(job, wire))
            return [SentEvent(EventId(child), (child,))]

        await through(self._hooks.send, (event,), note)

    async def outcome(self, run_id: RunId, within_s: float | None) -> Any:
        """The mocked outcome of a child, or that of really running it; a late one is stopped."""
        parent, name = self._keys[run_id]
        mock = self.mock(parent, name)
        if mock is NO_MOCK:
            return await self._really_run(run_id, within_s)
        try:
            return await _played(mock, StepInfo(RunId(parent), name, 0))
        except (RunCancelled, InvokeTimeout):
            raise
        except Exception as error:
            found = RunError.of(error)
            raise RunFailed(
                run_id, found.name, found.message, code=found.code, cause=found.cause
            ) from error

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
        mock = self.mock(run_id, step_id)
        if mock is not NO_MOCK:
            return list(await _played(mock, StepInfo(RunId(run_id), step_id, 0)) or ())
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

    def forget(self, run_id: str, step_id: str) -> None:
        """Nothing is stored."""


def _fits(wait: NewWait, event: WireEvent) -> bool:
    if wait.event_name != event.name:
        return False
    if wait.match is not None and path_value(event.as_json(), wait.match[0]) != wait.match[1]:
        return False
    return wait.when is None or holds(wait.when, wait.cause, event)


async def _played(mock: object, step: StepInfo) -> Any:
    """A mock's value: an exception is raised, a function is called with the step."""
    value: Any = mock(step) if callable(mock) else mock
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, BaseException):
        raise value
    return value
