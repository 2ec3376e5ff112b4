"""The end of an engine: steps get a grace time, then what is unfinished is handed over."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from engine.control.act import STOP_S
from engine.control.parts import Running
from engine.dbos import claiming
from engine.errors import DatabaseAway, DatabaseFull
from engine.live import LiveRun
from engine.steps.slots import disown
from engine.storage.notices import Notice, publish

log = logging.getLogger("engine")

HANDED_AT_ONCE = 500
STARTING_S = 0.005  # a claimed run becomes live within a few hops between threads


class Shutdown(Running):
    """What an engine does before it stops."""

    _dispatching: asyncio.Task[None] | None
    _grace_s: float
    _is_closed: bool
    _spawned: set[asyncio.Task[None]]

    async def _drain(self) -> None:
        self._dispatcher.stop()
        if self._dispatching is not None:
            await asyncio.wait({self._dispatching})
        self._live.draining = True
        await self._wait_started()
        running = self._live.all()
        for live in running:
            live.draining = True
            if live.suspended:
                live.stop("handed over")
        await _wait_ended(running, self._grace_s)
        rest = [live for live in running if not live.has_ended]
        for live in rest:
            live.stop("handed over")
        await _wait_ended(rest, STOP_S)
        self._outage.stop()
        await self._hand_over(running)
        self._is_closed = True
        if self._spawned:  # patient with a database that is away; the next start tidies up
            _, waiting = await asyncio.wait(self._spawned, timeout=STOP_S)
            for task in waiting:
                task.cancel()

    async def _hand_over(self, runs: Sequence[LiveRun]) -> None:
        run_ids = [live.run_id for live in runs]  # those that have ended are left alone
        try:
            for at in range(0, len(run_ids), HANDED_AT_ONCE):
                some = run_ids[at : at + HANDED_AT_ONCE]
                await self._ledger.transact(_hand_over, some, self.executor_id)
            if self._dispatching is not None:  # else it has had none
                await self._ledger.transact(_give_up_places, self.executor_id)
        except (DatabaseAway, DatabaseFull):
            log.warning("not_handed_over")  # whoever sweeps, or starts next, finds them

    async def _wait_started(self) -> None:
        """Let what has just been dispatched become live, so that it can be handed over."""
        give_up_at = self._clock.monotonic() + STOP_S
        while self._live.starting and self._clock.monotonic() < give_up_at:  # noqa: ASYNC110 - short, and only at the end
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
