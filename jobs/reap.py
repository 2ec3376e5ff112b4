"""The reaper: no answer stays `processing` when no run is going to finish it."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from core.clock import Clock
from core.errors import NotFound, Refused
from core.ids import RunId
from engine import Engine, Event, NoSuchRun
from jobs.events import MessageSent, user_of
from store.errors import StoreFault, StoreUnavailable
from store.gateway import Store
from store.records import Generation

log = logging.getLogger("jobs.reap")

ENDED_WITHOUT_ANSWER = (
    "The server stopped working on this answer and could not continue it. "
    "The changes made so far are kept; try again."
)


@dataclass(frozen=True)
class ReapTimes:
    """How often to look, and how long a generation may be silent before it is looked at.

    Silence alone closes nothing: a thinking model is silent. It is closed when the engine has no
    live run for it either.
    """

    every_s: float = 15.0
    silent_s: float = 30.0


class Reaper:
    """Runs beside the worker; two at once do no harm: closing is checked in the mutation."""

    def __init__(self, store: Store, engine: Engine, clock: Clock, times: ReapTimes) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._times = times

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.sweep()
            except (StoreUnavailable, StoreFault):
                log.exception("reap_postponed")
            await asyncio.sleep(self._times.every_s)

    async def sweep(self) -> int:
        """Close what nobody works on; how many there were. Raises: StoreUnavailable."""
        before = self._clock.now() - timedelta(seconds=self._times.silent_s)
        closed = 0
        for generation in await self._store.generations.stale(before=before):
            run_id = await self._live_run(generation)
            if run_id is not None:
                await self._store.generations.confirm(generation.message_id, run_id=run_id)
            else:
                await self._close(generation)
                closed += 1
        return closed

    async def _live_run(self, generation: Generation) -> RunId | None:
        """The run that is going to finish the message, started here if it never was."""
        run_id = generation.run_id or await self._started(generation)
        if run_id is None:
            return None
        try:
            run = await self._engine.run(run_id)
        except NoSuchRun:
            return None
        return None if run.has_ended else run_id

    async def _started(self, generation: Generation) -> RunId | None:
        """Send its event: a known one tells its run, a lost one starts it now."""
        event = Event(
            name=MessageSent.event_name,
            data={
                "messageId": generation.message_id,
                "conversationId": generation.conversation_id,
                "projectId": generation.project_id,
            },
            id=generation.event_id,
            user=user_of(generation.owner_id),
        )
        try:
            sent = await self._engine.send(event)
        except Refused:
            log.exception("event_refused", extra={"event_id": generation.event_id})
            return None
        return sent.run_ids[0] if sent.run_ids else None

    async def _close(self, generation: Generation) -> None:
        log.warning(
            "generation_reaped",
            extra={"message_id": generation.message_id, "run_id": generation.run_id},
        )
        try:
            await self._store.generations.fail(
                generation.message_id,
                error=ENDED_WITHOUT_ANSWER,
                error_code="run_lost",
                run_id=generation.run_id,
            )
        except NotFound:
            return
