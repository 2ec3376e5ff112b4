"""The reaper of imports, exports and generations: none is open when no run is going to end it."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.clock import Clock
from core.errors import NotFound
from core.ids import EventId, ProjectGenerationId
from engine.inspection import Page, RunFilter, RunSummary
from jobs.generate.ending import fail_generation
from jobs.reaping import Reaping, ReapTimes
from store.errors import StoreFault
from store.gateway import Store
from store.records import OpenRequest

log = logging.getLogger(__name__)

RUN_LOST = "run_lost"
TRANSFER_LOST = "It was lost on our side. Begin again."
GENERATION_LOST = (
    "The server stopped making this project and could not go on by itself. The files made so far "
    "are kept; begin again to go on."
)

RUNS = 10  # of one event; one job takes it, and an operator may have replayed that


class Runs(Protocol):
    """What this reaper needs of the engine's inspection."""

    async def runs(self, which: RunFilter | None = None, *, limit: int = 50) -> Page[RunSummary]:
        """Runs, newest first."""
        ...


class RequestReaper(Reaping[OpenRequest]):
    """Asks the engine for the runs of the event that asked."""

    def __init__(self, store: Store, runs: Runs, clock: Clock, times: ReapTimes) -> None:
        super().__init__(clock, times)
        self._store = store
        self._runs = runs

    async def silent(self, before: datetime) -> Sequence[OpenRequest]:
        """Those that are neither ended nor heard of."""
        return await self._store.requests.stale(before=before)

    async def look_at(self, row: OpenRequest) -> bool:
        """Whether it had to be closed."""
        if row.is_on_its_way or await self._is_worked_on(row.event_id):
            await self._store.requests.confirm(row)
            return False
        await self._close(row)
        return True

    async def _is_worked_on(self, event_id: EventId) -> bool:
        found = await self._runs.runs(RunFilter(event_id=event_id), limit=RUNS)
        now = self.clock.now()
        return any(self.times.is_at_work(run.status, run.ended_at, now=now) for run in found.items)

    async def set_aside(self, row: OpenRequest, fault: Exception) -> None:
        """It is silent anew later."""
        named = _named(row)
        log.error("request_set_aside", extra=named, exc_info=fault)
        try:
            await self._store.requests.confirm(row)
        except StoreFault:
            log.exception("request_in_the_way", extra=named)

    async def _close(self, request: OpenRequest) -> None:
        log.warning("request_reaped", extra=_named(request))
        if request.kind == "generation":
            generation_id = ProjectGenerationId(request.request_id)
            await fail_generation(
                self._store, generation_id, error=GENERATION_LOST, error_code=RUN_LOST
            )
            return
        try:
            await self._store.transfers.finish(
                request.request_id, status="failed", error=TRANSFER_LOST, error_code=RUN_LOST
            )
        except NotFound:  # its project was deleted meanwhile
            return


def _named(request: OpenRequest) -> dict[str, str]:
    return {"kind": request.kind, "request_id": request.request_id}
