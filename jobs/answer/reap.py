"""The reaper: no answer stays `processing` when no run is going to finish it."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.clock import Clock
from core.errors import NotFound, Refused
from core.ids import RunId
from engine import Event, NoSuchRun, RunInfo, SentEvent
from jobs.events import MessageSent, settings_of_run, user_of
from jobs.reaping import Reaping, ReapTimes
from store.errors import StoreFault
from store.gateway import Store
from store.records import Generation

log = logging.getLogger("jobs.answer.reap")

ENDED_WITHOUT_ANSWER = (
    "The server stopped working on this answer and could not continue it. "
    "The changes made so far are kept; try again."
)


class Runs(Protocol):
    """What the reaper needs of the engine."""

    async def send(self, event: Event) -> SentEvent:
        """Store the event and start what it starts; a known id tells what it has started."""
        ...

    async def run(self, run_id: RunId) -> RunInfo:
        """How a run does. Raises: NoSuchRun."""
        ...


class Reaper(Reaping[Generation]):
    """Asks the engine for the run that holds the answer, and starts one that never was."""

    def __init__(self, store: Store, engine: Runs, clock: Clock, times: ReapTimes) -> None:
        super().__init__(clock, times)
        self._store = store
        self._engine = engine

    async def silent(self, before: datetime) -> Sequence[Generation]:
        """Running generations, oldest first."""
        return await self._store.generations.stale(before=before)

    async def look_at(self, row: Generation) -> bool:
        """Whether it had to be closed."""
        run_id = await self._live_run(row)
        if run_id is None:
            await self._close(row)
            return True
        await self._store.generations.confirm(row.message_id, run_id=run_id)
        return False

    async def set_aside(self, row: Generation, fault: Exception) -> None:
        """It goes behind the others."""
        named = {"message_id": row.message_id}
        log.error("generation_set_aside", extra=named, exc_info=fault)
        try:
            await self._store.generations.set_aside(row.message_id)
        except StoreFault:
            log.exception("generation_in_the_way", extra=named)

    async def _live_run(self, generation: Generation) -> RunId | None:
        """The run that is going to finish the message, started here if it never was."""
        run_id = generation.run_id or await self._started(generation)
        if run_id is None:
            return None
        try:
            run = await self._engine.run(run_id)
        except NoSuchRun:
            return None
        is_at_work = self.times.is_at_work(run.status, run.ended_at, now=self.clock.now())
        return run_id if is_at_work else None

    async def _started(self, generation: Generation) -> RunId | None:
        """Send its event: a known one tells its run, a lost one starts it now."""
        try:
            project = await self._store.projects.owned(
                generation.project_id, owner=generation.owner_id
            )
        except NotFound:
            return None
        event = Event(
            name=MessageSent.event_name,
            data={
                "messageId": generation.message_id,
                "conversationId": generation.conversation_id,
                "projectId": generation.project_id,
                **settings_of_run(project.settings),
            },
            id=generation.event_id,
            user=user_of(generation.owner_id),
        )
        try:
            sent = await self._engine.send(event)
        except Refused as refused:
            # Not as an exception: a refusal is nobody's bug as a rule, and is not reported as one.
            named = {"event_id": generation.event_id, "code": refused.code}
            log.error("event_refused", extra=named)  # noqa: TRY400
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
