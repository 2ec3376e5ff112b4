"""The relay: events committed in the store reach the engine, also after a crash in between."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from core.errors import Refused
from core.ids import EventId, RunId
from engine import Event, SentEvent
from jobs.events import engine_event
from store.errors import StoreFault, StoreUnavailable
from store.outbox import Outbox
from store.records import OutboxEvent

log = logging.getLogger(__name__)

POLL_S = 2.0  # an event is due 2 s after its commit, so one that was lost waits 4 s at most
SEND_S = 10.0
BATCH = 100
ACKS = (
    10_000  # past it an acknowledgement is dropped: the event is sent again, which starts nothing
)


class Sender(Protocol):
    """What the relay needs of the engine."""

    async def send(self, event: Event) -> SentEvent:
        """Store the event and start what it starts; a known id starts nothing."""
        ...


class Relay:
    """Sends each outbox event at least once, with its own id; the engine makes that exactly once.

    A request hands its events over with `deliver_now`; `run` sends what a crash or an engine that
    was away left behind. Any number of processes may run one.
    """

    def __init__(self, outbox: Outbox, engine: Sender, *, poll_s: float = POLL_S) -> None:
        self._outbox = outbox
        self._engine = engine
        self._poll_s = poll_s
        self._kicked = asyncio.Event()
        self._acks: asyncio.Queue[EventId] = asyncio.Queue(ACKS)

    async def deliver_now(self, event: OutboxEvent) -> SentEvent | None:
        """Send an event on the request path; it is acknowledged behind the caller's back.

        None says that the engine did not take it now: `run` sends it later, or sets it aside.
        """
        try:
            sent = await self._send(event)
        except Exception:  # the rim of the relay: whatever it was, the event is still in the outbox
            log.exception("event_not_sent", extra=_named(event))
            return None
        if not self._acks.full():
            self._acks.put_nowait(event.event_id)
        return sent

    async def deliver_all(self, events: Sequence[OutboxEvent]) -> RunId | None:
        """The same for several, in order: what is cancelled goes before what replaces it.

        The run that the last of them has started; None when it started none, or was not taken.
        """
        run_id: RunId | None = None
        for event in events:
            started = await self.deliver_now(event)
            run_id = started.run_ids[0] if started and started.run_ids else None
        return run_id

    def kick(self) -> None:
        """Look for pending events now."""
        self._kicked.set()

    async def run(self) -> None:
        """Relay until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._acknowledge())
            tasks.create_task(self._poll())

    async def relay_pending(self) -> int:
        """Send what is due now, at most `BATCH` events; how many there were.

        An event that cannot be dealt with is reported, and the others go on.

        Raises:
            StoreUnavailable: the outbox cannot be read or written.
        """
        events = await self._outbox.pending(limit=BATCH)
        for event in events:
            try:
                await self._relay(event)
            except StoreUnavailable:
                raise
            except Exception:  # the rim of the relay: one row is no reason to leave the others
                log.exception("event_not_relayed", extra=_named(event))
        return len(events)

    async def _relay(self, event: OutboxEvent) -> None:
        try:
            await self._send(event)
        except Refused as refused:
            # Not as an exception: a refusal is nobody's bug as a rule, and is not reported as one.
            log.error("event_set_aside", extra={**_named(event), "code": refused.code})  # noqa: TRY400
            await self._outbox.set_aside(event.event_id, error=f"{refused.code}: {refused}")
        except Exception:  # the rim of the relay: whatever it was, the event is still in the outbox
            log.exception("event_not_sent", extra=_named(event))
            await self._outbox.failed(event.event_id, error="the engine did not take it")
        else:
            await self._outbox.ack(event.event_id)

    async def _poll(self) -> None:
        while True:
            self._kicked.clear()
            try:
                found = await self.relay_pending()
            except Exception:  # the rim of the relay: it outlives the store, and what it answers
                log.exception("outbox_not_relayed")
                found = 0
            if found < BATCH:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._kicked.wait()
        except TimeoutError:
            return

    async def _acknowledge(self) -> None:
        while True:
            event_id = await self._acks.get()
            try:
                await self._outbox.ack(event_id)
            except (StoreUnavailable, StoreFault):
                log.warning("outbox_not_acknowledged", extra={"event_id": event_id})
            except Exception:  # the rim of the relay: the event is sent again, which starts nothing
                log.exception("outbox_not_acknowledged", extra={"event_id": event_id})

    async def _send(self, event: OutboxEvent) -> SentEvent:
        async with asyncio.timeout(SEND_S):
            return await self._engine.send(engine_event(event))


def _named(event: OutboxEvent) -> dict[str, str]:
    return {"event_id": event.event_id, "event_name": event.name}
