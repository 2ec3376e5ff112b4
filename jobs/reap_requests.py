"""The reaper of imports, exports and generations: none is open when no run is going to end it."""

import logging
from typing import Protocol

from core.clock import Clock
from core.errors import NotFound
from core.ids import EventId, ProjectGenerationId
from engine.inspection import Page, RunFilter, RunSummary
from jobs.generate.ending import fail_generation
from jobs.reaping import ReapTimes, again_and_again, looked_at_each
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


class RequestReaper:
    """Runs beside the worker; two at once do no harm: closing is checked in the mutation."""

    def __init__(self, store: Store, runs: Runs, clock: Clock, times: ReapTimes) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._times = times

    async def run(self) -> None:
        """Look again and again until cancelled."""
        await again_and_again(self.sweep, every_s=self._times.every_s)

    async def sweep(self) -> int:
        """Close what nobody works on; how many there were. Raises: as `looked_at_each`."""
        before = self._times.silent_since(self._clock.now())
        stale = await self._store.requests.stale(before=before)
        return await looked_at_each(stale, self._look_at, self._set_aside)

    async def _look_at(self, request: OpenRequest) -> bool:
        """Whether it had to be closed."""
        if request.is_on_its_way or await self._is_worked_on(request.event_id):
            await self._store.requests.confirm(request)
            return False
        await self._close(request)
        return True

    async def _is_worked_on(self, event_id: EventId) -> bool:
        found = await self._runs.runs(RunFilter(event_id=event_id), limit=RUNS)
        now = self._clock.now()
        return any(self._times.is_at_work(run.status, run.ended_at, now=now) for run in found.items)

    async def _set_aside(self, request: OpenRequest, fault: Exception) -> None:
        named = _named(request)
        log.error("request_set_aside", extra=named, exc_info=fault)
        try:
            await self._store.requests.confirm(request)
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
