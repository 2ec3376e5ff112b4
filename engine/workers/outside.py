"""What steps ask of the engine around them: children, events, the ends of waits."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from core.ids import RunId
from engine.dbos import dbos_rows
from engine.dbos.recorded import NotOurs
from engine.errors import InvokeTimeout, NoSuchRun, RunLost
from engine.events import Event, SentEvent, WireEvent
from engine.inspection.run_info import read_run
from engine.intake.accepted import Accepted, Store
from engine.intake.intake import Intake, Invocation
from engine.live import LiveRun
from engine.middleware import StepCall
from engine.outgoing import Sendable, named_events
from engine.realtime.messages import WireMessage
from engine.realtime.publisher import Publisher
from engine.steps.waits import Waits, close_wait
from engine.storage.transactions import Ledger

R = TypeVar("R")


class RunOutside:
    """The engine's side of `engine.steps.outside.Outside`."""

    def __init__(  # noqa: PLR0913 - it stands between steps and the whole engine
        self,
        intake: Intake,
        ledger: Ledger,
        *,
        waits: Waits,
        send: Callable[[Sequence[Event], Store], Awaitable[list[SentEvent]]],
        result: Callable[[str, float | None], Coroutine[Any, Any, Any]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        publisher: Publisher,
    ) -> None:
        self.waits = waits
        self._intake = intake
        self._ledger = ledger
        self._send = send
        self._result = result
        self._spawn = spawn
        self._publisher = publisher

    def perform(
        self,
        step: StepCall,
        work: Callable[[StepCall], Awaitable[R]],
        returns: TypeAdapter[R],  # noqa: ARG002 - nothing takes the place of `work`
    ) -> Awaitable[R]:
        """Do what a step is there for."""
        return work(step)

    async def start_child(self, run_id: str, child: RunId, job_id: str, event: Event) -> None:
        """Start a child run, once."""

        def start(connection: sa.Connection, events: Sequence[WireEvent], now_ms: int) -> Accepted:
            call = Invocation(child, job_id, events[0], parent_run_id=run_id)
            return self._intake.invoke(connection, call, now_ms)

        await self._send_of(run_id, [event], start)

    async def outcome(self, run_id: RunId, within_s: float | None) -> Any:
        """Wait for a run's end; its result as JSON."""
        if within_s is None:
            return await self._result(run_id, None)
        made = await self._ledger.transact(read_run, run_id)
        if made is None:
            raise NoSuchRun(run_id)
        passed_s = (self._ledger.now() - made.created_at).total_seconds()
        left_s = min(within_s, within_s - passed_s)  # no longer, if the clock has been set back
        with suppress(TimeoutError):
            return await self._result(run_id, max(0.0, left_s))
        if not (await self._ledger.transact(read_run, run_id) or made).has_ended:
            raise InvokeTimeout(run_id)
        return await self._result(run_id, None)  # it was the look that came too late

    async def send_as(
        self, run_id: str, step_id: str, events: Sequence[Sendable]
    ) -> list[SentEvent]:
        """Send events with ids that derive from the step, unless they bring their own."""
        named = named_events(f"{run_id}:{step_id}", events)
        return await self._send_of(run_id, named, self._intake.accept)

    async def _send_of(self, run_id: str, events: Sequence[Event], store: Store) -> list[SentEvent]:
        """Send for a run, which must still be ours when that is committed."""

        def store_for(
            connection: sa.Connection, wires: Sequence[WireEvent], now_ms: int
        ) -> Accepted:
            accepted = store(connection, wires, now_ms)
            # After it, since whoever sends locks the event's name before a run's row. The run may
            # have cancelled itself.
            if run_id not in accepted.cancelled and not dbos_rows.owns(connection, run_id):
                raise NotOurs(run_id)
            return accepted

        try:
            return await self._send(events, store_for)
        except NotOurs as error:
            raise RunLost(run_id) from error

    async def publish(self, message: WireMessage, run: LiveRun) -> None:
        """Send a realtime message of a run."""
        await self._publisher.publish(message, run)

    def close_wait(self, run_id: str, step_id: str) -> None:
        """Delete the row of a wait whose answer has been recorded; nobody waits for that."""
        self._spawn(self._ledger.transact(close_wait, (run_id, step_id)))
