"""The end of an engine: steps get a grace time, then what is unfinished is handed over."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from core.clock import Clock
from engine.control.cancel import STOP_S
from engine.control.lifetime import Lifetime
from engine.dbos import claiming
from engine.errors import DatabaseAway, DatabaseFull
from engine.live import LiveRun, LiveRuns
from engine.steps.slots import disown
from engine.storage.notices import Notice, publish
from engine.storage.outage import Outage
from engine.storage.transactions import Ledger
from engine.workers.dispatcher import Dispatcher

log = logging.getLogger("engine")

HANDED_AT_ONCE = 500
STARTING_S = 0.005  # a claimed run becomes live within a few hops between threads


@dataclass(frozen=True)
class Shutdown:
    """What an engine does before it stops."""

    executor_id: str
    ledger: Ledger
    outage: Outage
    live: LiveRuns
    dispatcher: Dispatcher
    lifetime: Lifetime
    clock: Clock
    grace_s: float

    async def drain(self, dispatching: asyncio.Task[None] | None) -> None:
        """Claim no more, stop what runs, and give it back; `dispatching` is who claims."""
        self.dispatcher.stop()
        if dispatching is not None:
            await asyncio.wait({dispatching})
        self.live.draining = True
        await self._wait_started()
        running = self.live.all()
        for live in running:
            live.draining = True
            if live.suspended:
                live.stop("handed over")
        await _wait_ended(running, self.grace_s)
        rest = [live for live in running if not live.has_ended]
        for live in rest:
            live.stop("handed over")
        await _wait_ended(rest, STOP_S)
        self.outage.stop()
        await self._hand_over(running, had_runs=dispatching is not None)
        # Patient with a database that is away; the next start tidies up.
        await self.lifetime.end(STOP_S)

    async def _hand_over(self, runs: Sequence[LiveRun], *, had_runs: bool) -> None:
        run_ids = [live.run_id for live in runs]  # those that have ended are left alone
        try:
            for at in range(0, len(run_ids), HANDED_AT_ONCE):
                some = run_ids[at : at + HANDED_AT_ONCE]
                await self.ledger.transact(_hand_over, some, self.executor_id)
            if had_runs:
                await self.ledger.transact(_give_up_places, self.executor_id)
        except (DatabaseAway, DatabaseFull):
            log.warning("not_handed_over")  # whoever sweeps, or starts next, finds them

    async def _wait_started(self) -> None:
        """Let what has just been dispatched become live, so that it can be handed over."""
        give_up_at = self.clock.monotonic() + STOP_S
        while self.live.starting and self.clock.monotonic() < give_up_at:  # noqa: ASYNC110 - short, and only at the end
            await asyncio.sleep(STARTING_S)


def _hand_over(connection: sa.Connection, run_ids: list[str], executor_id: str) -> None:
    queues = claiming.hand_over(connection, run_ids)
    publish(connection, Notice(executor_id, queues=tuple(queues)))


def _give_up_places(connection: sa.Connection, executor_id: str) -> None:
    granted = disown(connection, [executor_id])
    publish(connection, Notice(executor_id, places=tuple(granted)))


async def _wait_ended(runs: Iterable[LiveRun], timeout_s: float) -> None:
    if tasks := [live.task for live in runs]:
        await asyncio.wait(tasks, timeout=timeout_s)
