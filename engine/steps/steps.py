"""`ctx.step`: everything a job body may await, remembered by its id."""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload

from pydantic import TypeAdapter

from core.ids import RunId
from engine.duration import Duration, seconds_of
from engine.errors import InvokeTimeout, NonRetriable, RunCancelled, RunFailed, RunLost, StepFailed
from engine.events import (
    INVOKED,
    Event,
    EventData,
    ReceivedEvent,
    SentEvent,
    WireEvent,
    received_event,
)
from engine.expressions import path_value
from engine.judging import check_wait
from engine.live import LiveRun
from engine.middleware import StepCall
from engine.outgoing import Sendable
from engine.realtime.messages import WireMessage
from engine.results import read_back
from engine.steps.durable import LONGEST_SLEEP_S, DurableSteps, RunState
from engine.steps.history import History
from engine.steps.process_ends import failure_of
from engine.steps.waits import NEVER_MS, NewWait, Waiter, Waits, open_wait, read_wait
from engine.storage import codec
from engine.storage.eventlog import failure_run_id

D_contra = TypeVar("D_contra", contravariant=True)
E = TypeVar("E", bound=EventData)
R = TypeVar("R")
T = TypeVar("T")


class Invocable(Protocol[R]):
    """A job, as far as invoking it goes."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def result(self) -> TypeAdapter[R]:
        """How its result is read back."""
        ...


class Outside(Protocol):
    """What steps ask of the engine around them."""

    @property
    def waits(self) -> Waits:
        """Who waits in this process."""
        ...

    async def start_child(self, run_id: str, child: RunId, job_id: str, event: Event) -> None:
        """Start a child run, once.

        Raises:
            RunLost: the run has been stopped, or is another process's; nothing was started.
        """
        ...

    async def outcome(self, run_id: RunId, within_s: float | None) -> Any:
        """Wait for a run's end; its result as JSON.

        Raises:
            RunFailed: it failed.
            RunCancelled: it was cancelled.
            InvokeTimeout: it has not ended `within_s` after it was made.
        """
        ...

    async def send_as(
        self, run_id: str, step_id: str, events: Sequence[Sendable]
    ) -> list[SentEvent]:
        """Send events of a step; their ids derive from it, so sending twice is sending once.

        Raises:
            RunLost: the run has been stopped, or is another process's; nothing was sent.
        """
        ...

    async def publish(self, message: WireMessage, run: LiveRun) -> None:
        """Send a realtime message, unless the run has been stopped: then CancelledError."""
        ...

    def forget(self, run_id: str, step_id: str) -> None:
        """A wait has been recorded; its row may go."""
        ...


_branch: ContextVar[str] = ContextVar("engine_branch", default="")


class Steps(DurableSteps):
    """The steps of one run."""

    def __init__(
        self, run: RunState, history: History, *, outside: Outside, cause: WireEvent
    ) -> None:
        super().__init__(run, history)
        self.outside = outside
        self.cause = cause
        self._groups: Counter[str] = Counter()

    @property
    def branch(self) -> str:
        """What the ids of steps begin with here: "" outside `parallel` and `race`."""
        return _branch.get()

    def busy(self) -> AbstractContextManager[None]:
        """Around a body that computes in a thread, for a test's time to stand still."""
        return nullcontext()

    async def sleep(self, step_id: str, duration: Duration) -> None:
        """Sleep for seconds, a timedelta, or a text such as "30s", "5m", "1d", "1w".

        The time of waking is remembered: a crash does not start the sleep over. A clock that is
        set forward past that time ends it; one that is set back does not make it longer.
        """
        seconds = seconds_of(duration)
        await self._sleep(step_id, lambda: self._ledger.now_ms() + int(seconds * 1000), seconds)

    async def sleep_until(self, step_id: str, at: datetime) -> None:
        """Sleep until an aware datetime; one in the past returns at once."""
        if at.tzinfo is None:
            raise NonRetriable(f"step {step_id!r}: the time to sleep until has no time zone")
        await self._sleep(step_id, lambda: int(at.timestamp() * 1000), math.inf)

    async def _sleep(self, step_id: str, until_ms: Callable[[], int], at_most_s: float) -> None:
        name = self._name(step_id)
        is_new = name not in self._history.recorded

        async def when() -> int:
            return until_ms()

        async def nap(_: StepCall | None = None) -> None:
            wake_at: int = await self._durable(name, when, acts=False)
            await self.pause_until(wake_at, at_most_s)

        await (self._hooked(self._call(name, "sleep"), nap) if is_new else nap())

    @overload
    async def wait_for_event(
        self,
        step_id: str,
        event: type[E],
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: Duration | None = None,  # noqa: ASYNC109 - durable: it survives this process
        look_back: Duration | None = None,
    ) -> ReceivedEvent[E] | None: ...
    @overload
    async def wait_for_event(
        self,
        step_id: str,
        event: str,
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: Duration | None = None,  # noqa: ASYNC109 - durable: it survives this process
        look_back: Duration | None = None,
    ) -> ReceivedEvent[dict[str, Any]] | None: ...
    async def wait_for_event(  # noqa: PLR0913 - the words of the vocabulary
        self,
        step_id: str,
        event: type[EventData] | str,
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: Duration | None = None,  # noqa: ASYNC109 - durable: it survives this process
        look_back: Duration | None = None,
    ) -> ReceivedEvent[Any] | None:
        """Wait for an event; None when `timeout` has passed first.

        `match` is a path that must hold the same value in the event that started the run and in
        this one; `when` a CEL expression over `event` (the first) and `async` (the later). An
        event that came before the wait, but after the run's own event, counts, unless it has
        answered one of this run's waits already; with `look_back` one that is no older than that.
        """
        name = self._name(step_id)
        model = None if isinstance(event, str) else event
        try:
            event_name = check_wait(event, match=match, when=when)
        except ValueError as error:
            raise NonRetriable(f"step {name!r}: {error}") from error
        matching = None
        if match is not None:
            value = path_value(self.cause.as_json(), match)
            if value is None:
                raise NonRetriable(f"step {name!r}: the run's own event has no {match!r}")
            matching = (match, value)
        wait = NewWait(
            self._run_id,
            name,
            event_name=event_name,
            match=matching,
            when=when,
            cause=self.cause,
            deadline_ms=self._deadline(timeout),
            at_most_s=math.inf if timeout is None else seconds_of(timeout),
            look_back_ms=None if look_back is None else int(seconds_of(look_back) * 1000),
        )
        answer: dict[str, Any] | None = await self._wait(wait)
        return None if answer is None else received_event(WireEvent.from_json(answer), model)

    async def wait_for_signal(
        self,
        step_id: str,
        signal: str,
        *,
        timeout: Duration | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """Wait for `Engine.send_signal(signal, data)`; its data, or None after `timeout`.

        Raises:
            StepFailed: another run waits for this signal.
        """
        name = self._name(step_id)
        wait = NewWait(
            self._run_id,
            name,
            signal=signal,
            cause=self.cause,
            deadline_ms=self._deadline(timeout),
            at_most_s=math.inf if timeout is None else seconds_of(timeout),
        )
        answer = await self._wait(wait)
        return None if answer is None else answer["signal"]

    def _deadline(self, timeout_after: Duration | None) -> int:
        if timeout_after is None:
            return NEVER_MS
        return self._ledger.now_ms() + int(seconds_of(timeout_after) * 1000)

    async def _wait(self, wait: NewWait) -> dict[str, Any] | None:
        call = self._call(
            wait.step_id, "wait_for_event" if wait.signal is None else "wait_for_signal"
        )
        found = await self._durable(
            wait.step_id, lambda: self._hooked(call, lambda _: self._answer(wait)), acts=False
        )
        self.outside.forget(wait.run_id, wait.step_id)
        return found

    async def _answer(self, wait: NewWait) -> dict[str, Any] | None:
        key = (wait.run_id, wait.step_id)
        waiter = self.outside.waits.expect(key)
        try:
            return await self._expected_answer(wait, waiter)
        finally:
            self.outside.waits.expect_no_more(key, waiter)

    async def _expected_answer(self, wait: NewWait, waiter: Waiter) -> dict[str, Any] | None:
        opened = await self._ledger.transact(open_wait, wait, self._ledger.now_ms())
        if opened is None:
            raise RunLost(self._run_id)
        deadline, answer = opened
        if answer is not None:
            return answer
        await self._gate.pause()
        give_up_at = self._ledger.monotonic() + wait.at_most_s
        with self._live.asleep():
            while answer is None:
                left_s = (deadline - self._ledger.now_ms()) / 1000
                left_s = min(left_s, give_up_at - self._ledger.monotonic())
                if left_s <= 0:
                    return None
                await waiter.until(min(left_s, LONGEST_SLEEP_S))
                key = (wait.run_id, wait.step_id)
                _, answer = await self._ledger.transact(read_wait, key)
        return answer

    async def invoke(
        self,
        step_id: str,
        job: Invocable[R],
        data: EventData | Mapping[str, Any] | None = None,
        *,
        timeout: Duration | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> R:
        """Run another job as a child and return its result. Cancelling this run cancels it too.

        The job itself, or `JobRef(id)`. Without `data` the child's event has none. A child that
        has not ended `timeout` after the step began is no longer waited for, and goes on.

        Raises:
            StepFailed: the child failed, was cancelled (code "run_cancelled"), or is late (code
                "invoke_timeout"); its data does not fit; or there is no such job.
        """
        name = self._name(step_id)
        within_s = None if timeout is None else seconds_of(timeout)

        async def child_result(call: StepCall) -> Any:
            child = _child_id(self._run_id, name)
            event = Event(INVOKED, _fields(name, call.args[0]), f"{child}:invoked")
            await self.outside.start_child(self._run_id, child, job.id, event)
            await self._gate.pause()
            with self._live.asleep():
                try:
                    return await self.outside.outcome(child, within_s)
                except (RunFailed, RunCancelled, InvokeTimeout) as error:
                    text = error.message if isinstance(error, RunFailed) else str(error)
                    code, cause = codec.code_of(error), codec.cause_of(error)
                    raise StepFailed(
                        name, type(error).__name__, text, code=code, cause=cause
                    ) from error

        call = self._call(name, "invoke", (data,))
        stored = await self._durable(name, lambda: self._hooked(call, child_result))
        return read_back(job.result, stored)

    async def send_event(
        self, step_id: str, event: Sendable | Sequence[Sendable]
    ) -> list[SentEvent]:
        """Send one event or several, exactly once however often the run is replayed.

        Raises:
            StepFailed: an event was refused.
        """
        name = self._name(step_id)
        is_one = isinstance(event, (EventData, Event, Mapping))
        events: list[Sendable] = [event] if is_one else list(event)

        async def send(_: StepCall) -> Any:
            sent = await self.outside.send_as(self._run_id, name, events)
            return _SENT.dump_python(sent, mode="json")

        call = self._call(name, "send_event")
        stored = await self._durable(name, lambda: self._hooked(call, send))
        return _SENT.validate_python(stored)

    async def parallel(self, *branches: Callable[[], Awaitable[T]]) -> list[T]:
        """Run branches side by side; their results in the order given.

        Each branch may have several steps, and two branches may use the same step ids. When one
        fails the others are interrupted, and its error is raised.
        """
        prefix = self._next_group()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_in_branch(f"{prefix}{number}/", branch))
                    for number, branch in enumerate(branches)
                ]
        except BaseExceptionGroup as errors:
            first = errors.exceptions[0]
            raise first from first.__cause__
        return [task.result() for task in tasks]

    async def race(self, step_id: str, *branches: Callable[[], Awaitable[T]]) -> T:
        """Run branches side by side; the first to end wins, and the others are interrupted.

        Which one won is remembered under `step_id`, so a replay goes the same way.
        """
        name = self._name(step_id)
        prefix = self._next_group()
        if name in self._history.recorded:
            number: int = await self._durable(name, _no_winner)
            return await _in_branch(f"{prefix}{number}/", branches[number])
        tasks: list[asyncio.Task[None]] = []
        ended: list[tuple[int, asyncio.Future[T]]] = []

        async def run(number: int, branch: Callable[[], Awaitable[T]]) -> None:
            outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            try:
                outcome.set_result(await _in_branch(f"{prefix}{number}/", branch))
            except Exception as error:  # noqa: BLE001 - a branch that fails first has won, too
                outcome.set_exception(error)
            ended.append((number, outcome))
            for task in tasks:
                task.cancel()

        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(run(*each)) for each in enumerate(branches)]
        number, outcome = ended[0]

        async def winner() -> int:
            return number

        await self._durable(name, winner, acts=False)
        return outcome.result()

    def _next_group(self) -> str:
        """A prefix for the branches of one call of `parallel` or `race`: the same in a replay."""
        branch = _branch.get()
        self._groups[branch] += 1
        return f"{branch}{self._groups[branch]}."

    def _name(self, step_id: str) -> str:
        return super()._name(_branch.get() + step_id)

    def rewind(self) -> None:
        """The body starts over: ids count from the beginning again."""
        super().rewind()
        self._groups.clear()


def _child_id(run_id: RunId, step_id: str) -> RunId:
    """The child of a step: the same for every execution of it."""
    child = RunId(f"{run_id}:{step_id}")
    if child == failure_run_id(run_id):
        raise NonRetriable(
            f"step {step_id!r}: a child cannot have the id of the run that handles failures; "
            "give the step another id"
        )
    return child


def _fields(step_id: str, data: object) -> dict[str, Any]:
    """The data of an event, as JSON."""
    if data is None:
        return {}
    if isinstance(data, EventData):
        return data.model_dump(mode="json", by_alias=True)
    if isinstance(data, Mapping):
        return dict(data)  # pyright: ignore[reportUnknownArgumentType] - JSON of the caller
    raise NonRetriable(f"step {step_id!r}: the data to invoke with is no event data")


async def _no_winner() -> int:
    raise AssertionError("a recorded race is not run again")


async def _in_branch(prefix: str, branch: Callable[[], Awaitable[T]]) -> T:
    token, task = _branch.set(prefix), asyncio.current_task()
    try:
        return await branch()
    except Exception:
        raise
    except BaseException as error:  # here, since the branch's own task would end the loop with it
        raise failure_of(error, task) from error
    finally:
        with suppress(ValueError):  # another context closes what its loop has left suspended
            _branch.reset(token)  # a race that is replayed has no task of its own


_SENT = TypeAdapter(list[SentEvent])
