"""What steps ask of the engine around them: children, events, the ends of waits."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from core.ids import RunId
from engine.errors import NonRetriable
from engine.events import INVOKED, Event, EventData, SentEvent, WireEvent, event_of
from engine.intake import Accepted, Intake, Invocation, Store
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
        send: Callable[[Sequence[Event], Store | None], Awaitable[list[SentEvent]]],
        result: Callable[[str], Coroutine[Any, Any, Any]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        publisher: Publisher,
    ) -> None:
        self.waits = Waits()
        self._intake = intake
        self._ledger = ledger
        self._send = send
        self._result = result
        self._spawn = spawn
        self._publisher = publisher

    async def start_child(self, run_id: str, step_id: str, job_id: str, data: object) -> RunId:
        """Start a child run, once."""
        if isinstance(data, EventData):
            fields: dict[str, Any] = data.model_dump(mode="json", by_alias=True)
        elif isinstance(data, Mapping):
            fields = dict(data)  # pyright: ignore[reportUnknownArgumentType] - JSON of the caller
        else:
            raise NonRetriable(f"step {step_id!r}: the data to invoke with is no event data")
        child = RunId(f"{run_id}:{step_id}")  # the same for every execution of the step

        def start(connection: sa.Connection, events: Sequence[WireEvent], now_ms: int) -> Accepted:
            call = Invocation(child, job_id, events[0], parent_run_id=run_id)
            return self._intake.invoke(connection, call, now_ms)

        await self._send([Event(INVOKED, fields, child)], start)
        return child

    async def outcome(self, run_id: RunId) -> Any:
        """Wait for a run's end; its result as JSON."""
        return await self._result(run_id)

    async def send_as(self, prefix: str, events: Sequence[EventData | Event]) -> list[SentEvent]:
        """Send events with ids that derive from `prefix`, unless they bring their own."""
        named = [event_of(event) for event in events]
        return await self._send(
            [replace(e, id=e.id or f"{prefix}:{n}") for n, e in enumerate(named)], None
        )

    async def publish(self, message: WireMessage, run: LiveRun) -> None:
        """Send a realtime message of a run."""
        await self._publisher.publish(message, run)

    def forget(self, run_id: str, step_id: str) -> None:
        """A wait has been recorded; its row may go."""
        self._spawn(self._ledger.transact(close_wait, (run_id, step_id)))
