"""Steps that let time pass: sleeping, and waiting for events and signals."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter

from engine.duration import Duration, seconds_of
from engine.errors import NonRetriable
from engine.events import EventData, ReceivedEvent, WireEvent, received_event
from engine.expressions import path_value
from engine.judging import check_wait
from engine.middleware import StepCall
from engine.steps.durable import DurableSteps, RunState
from engine.steps.journal import Answer, History
from engine.steps.waits import NEVER_MS, NewWait

E = TypeVar("E", bound=EventData)

_MS = TypeAdapter(int)


class TimedSteps(DurableSteps):
    """`step.sleep`, `step.wait_for_event` and their siblings."""

    def __init__(self, run: RunState, history: History, *, cause: WireEvent) -> None:
        super().__init__(run, history)
        self.cause = cause

    async def sleep(self, step_id: str, duration: Duration) -> None:
        """Sleep for seconds, a timedelta, or a text such as "30s", "5m", "1d", "1w".

        The time of waking is remembered: a crash does not start the sleep over. A clock that is
        set forward past that time ends it; one that is set back does not make it longer.
        """
        seconds = seconds_of(duration)
        await self._sleep(step_id, lambda: self._time.now_ms() + int(seconds * 1000), seconds)

    async def sleep_until(self, step_id: str, at: datetime) -> None:
        """Sleep until an aware datetime; one in the past returns at once."""
        if at.tzinfo is None:
            raise NonRetriable(f"step {step_id!r}: the time to sleep until has no time zone")
        await self._sleep(step_id, lambda: int(at.timestamp() * 1000), math.inf)

    async def _sleep(self, step_id: str, until_ms: Callable[[], int], at_most_s: float) -> None:
        name = self._name(step_id)
        is_new = name not in self._history.recorded
        call = self._call(name, "sleep")

        async def until(_: StepCall) -> int:
            return until_ms()

        async def nap(_: StepCall | None = None) -> None:
            wake_at: int = await self._durable(
                name, lambda: self.outside.perform(call, until, _MS), kind=call.kind, acts=False
            )
            await self.pause_until(wake_at, at_most_s)

        await (self._hooked(call, nap) if is_new else nap())

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
        answer = await self._wait(wait)
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
        return self._time.now_ms() + int(seconds_of(timeout_after) * 1000)

    async def _wait(self, wait: NewWait) -> Answer | None:
        call = self._call(
            wait.step_id, "wait_for_event" if wait.signal is None else "wait_for_signal"
        )
        found = await self._durable(
            wait.step_id,
            lambda: self._hooked(call, lambda _: self._answer(wait)),
            kind=call.kind,
            acts=False,
        )
        self._journal.forget_wait(wait.step_id)
        return found

    async def _answer(self, wait: NewWait) -> Answer | None:
        with self._journal.waiting(wait) as waiting:
            found = await waiting.open()
            if found is None:
                await self._gate.pause()
                with self._live.asleep():
                    found = await waiting.answer()
            return found
