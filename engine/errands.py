"""What steps ask of the engine around them: children, events, the ends of waits."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from core.ids import EventId, RunId
from engine.errors import NonRetriable
from engine.events import Event, EventData, SentEvent, WireEvent
from engine.intake import Accepted, Intake, Invocation
from engine.ledger import Ledger
from engine.live import LiveRun
from engine.realtime.messages import WireMessage
from engine.realtime.publisher import Publisher
from engine.waits import Waits, close_wait


class Errands:
    """The engine's side of `engine.steps.Outside`."""

    def __init__(  # noqa: PLR0913 - it stands between steps and the whole engine
        self,
        intake: Intake,
        ledger: Ledger,
        *,
        act: Callable[[Accepted], None],
        result: Callable[[str], Coroutine[Any, Any, Any]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        wire: Callable[[EventData | Event, str], WireEvent],
        publisher: Publisher,
    ) -> None:
        self.waits = Waits()
        self._intake = intake
        self._ledger = ledger
        self._act = act
        self._result = result
        self._spawn = spawn
        self._wire = wire
        self._publisher = publisher

    async def start_child(self, run_id: str, step_id: str, job_id: str, data: object) -> RunId:
        """Start a child run, once."""
        if isinstance(data, EventData):
            fields: dict[str, Any] = data.model_dump(mode="json", by_alias=True)
        elif isinstance(data, Mapping):
            fields = dict(data)  # pyright: ignore[reportUnknownArgumentType] - JSON of the caller
        else:
            raise NonRetriable(f"step {step_id!r}: the data to invoke with is no event data")
        call = Invocation(run_id, step_id, job_id, fields)
        self._act(await self._ledger.transact(self._intake.invoke, call, self._ledger.now_ms()))
        return RunId(call.child_run_id)

    async def outcome(self, run_id: RunId) -> Any:
        """Wait for a run's end; its result as JSON."""
        return await self._result(run_id)

    async def send_as(self, prefix: str, events: Sequence[EventData | Event]) -> list[SentEvent]:
        """Send events with ids that derive from `prefix`, unless they bring their own."""
        wires = [
            self._wire(event, _own_id(event) or EventId(f"{prefix}:{number}"))
            for number, event in enumerate(events)
        ]
        accepted = await self._ledger.transact(self._intake.accept, wires, self._ledger.now_ms())
        self._act(accepted)
        return accepted.sent

    async def publish(self, message: WireMessage, run: LiveRun) -> None:
        """Send a realtime message of a run."""
        await self._publisher.publish(message, run)

    def forget(self, run_id: str, step_id: str) -> None:
        """A wait has been recorded; its row may go."""
        self._spawn(self._ledger.transact(close_wait, (run_id, step_id)))


def _own_id(event: EventData | Event) -> str | None:
    return event.id if isinstance(event, Event) else None
