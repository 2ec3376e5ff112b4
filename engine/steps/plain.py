"""Jobs that are plain functions: what their context is, in a thread where every step blocks."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from inspect import isawaitable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from core.ids import RunId
from engine.duration import Duration
from engine.events import EventData, ReceivedEvent, SentEvent
from engine.outgoing import Sendable
from engine.realtime.channels import Channel, Topic
from engine.steps.blocking import Bridge, awaits
from engine.steps.context import FailureContext, JobContext, ReplayAwareLog, RunError
from engine.steps.steps import Invocable, Steps

D = TypeVar("D")
E = TypeVar("E", bound=EventData)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class PlainSteps:
    """`ctx.step` of a plain function: each call returns when the step has ended.

    `parallel` and `race` are for async jobs.
    """

    def __init__(self, steps: Steps, bridge: Bridge) -> None:
        self._steps = steps
        self._bridge = bridge

    @overload
    def run(
        self, step_id: str, fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R: ...
    @overload
    def run(self, step_id: str, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...
    def run(self, step_id: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """As `Steps.run`."""
        return self._bridge.ask(lambda: self._steps.run(step_id, fn, *args, **kwargs))

    def sleep(self, step_id: str, duration: Duration) -> None:
        """As `Steps.sleep`."""
        self._bridge.ask(lambda: self._steps.sleep(step_id, duration))

    def sleep_until(self, step_id: str, at: datetime) -> None:
        """As `Steps.sleep_until`."""
        self._bridge.ask(lambda: self._steps.sleep_until(step_id, at))

    @overload
    def wait_for_event(
        self, step_id: str, event: type[E], **how: Any
    ) -> ReceivedEvent[E] | None: ...
    @overload
    def wait_for_event(
        self, step_id: str, event: str, **how: Any
    ) -> ReceivedEvent[dict[str, Any]] | None: ...
    def wait_for_event(self, step_id: str, event: type[EventData] | str, **how: Any) -> Any:
        """As `Steps.wait_for_event`, with the same keywords."""
        name: Any = event
        return self._bridge.ask(lambda: self._steps.wait_for_event(step_id, name, **how))

    def wait_for_signal(self, step_id: str, signal: str, *, timeout: Duration | None = None) -> Any:
        """As `Steps.wait_for_signal`."""
        return self._bridge.ask(
            lambda: self._steps.wait_for_signal(step_id, signal, timeout=timeout)
        )

    def invoke(self, step_id: str, job: Invocable[R], *args: Any, **how: Any) -> R:
        """As `Steps.invoke`."""
        return self._bridge.ask(lambda: self._steps.invoke(step_id, job, *args, **how))

    def send_event(self, step_id: str, event: Sendable | Sequence[Sendable]) -> list[SentEvent]:
        """As `Steps.send_event`."""
        return self._bridge.ask(lambda: self._steps.send_event(step_id, event))


class _PlainContext(Generic[D]):
    def __init__(self, context: JobContext[D] | FailureContext[D], bridge: Bridge) -> None:
        self._context = context
        self._bridge = bridge
        self.event = context.event
        self.events = context.events
        self.run_id: RunId = context.run_id
        self.job_id: str = context.job_id
        self.log: ReplayAwareLog = context.log
        self.step = PlainSteps(context.step, bridge)

    @property
    def attempt(self) -> int:
        """As `JobContext.attempt`."""
        return self._context.attempt

    def need(self, wanted: type[T]) -> T:
        """As `JobContext.need`."""
        return self._context.need(wanted)

    def publish(self, channel: Channel | str, topic: Topic[Any] | str, data: Any) -> None:
        """As `JobContext.publish`."""
        self._bridge.ask(lambda: self._context.publish(channel, topic, data))


class PlainJobContext(_PlainContext[D]):
    """One run of a job that is a plain function, as it sees it."""


class PlainFailureContext(_PlainContext[D]):
    """A failed run, as an `on_failure` sees it that is a plain function."""

    def __init__(self, context: FailureContext[D], bridge: Bridge) -> None:
        super().__init__(context, bridge)
        self.error: RunError = context.error


async def conducted(
    fn: Callable[[Any], Any], context: JobContext[Any] | FailureContext[Any]
) -> Any:
    """What a job's function returns: an async one on the loop, a plain one in a thread."""
    if awaits(fn):
        outcome = fn(context)
    else:
        bridge = Bridge()
        plain = (
            PlainFailureContext(context, bridge)
            if isinstance(context, FailureContext)
            else PlainJobContext(context, bridge)
        )
        outcome = await bridge.run(lambda: fn(plain), context.step.busy)
    return await outcome if isawaitable(outcome) else outcome
