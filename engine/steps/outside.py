"""What steps reach outside of their run: the port to the engine around them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter

from core.ids import RunId
from engine.events import Event, SentEvent
from engine.live import LiveRun
from engine.middleware import StepCall
from engine.outgoing import Sendable
from engine.realtime.messages import WireMessage

R = TypeVar("R")


class Outside(Protocol):
    """What steps ask of the engine around them."""

    def perform(
        self,
        step: StepCall,
        work: Callable[[StepCall], Awaitable[R]],
        returns: TypeAdapter[R],  # for who puts something else in the place of `work`
    ) -> Awaitable[R]:
        """Do what a step is there for: call its function, or find out when a sleep is to end."""
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
